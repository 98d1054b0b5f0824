"""Differences between the ways to deploy that are meant, each with its reason. docs/deploy-terraform.md lists those of
Terraform."""

import dataclasses

from terraform_side import NAME


@dataclasses.dataclass(frozen=True)
class Permitted:
    """Differences between template.yaml (left) and another way (right): the resource's kind and the property, or only
    the kind, for resources that the right side does not have."""

    kind: str
    path: tuple
    reason: str
    # The start of the resource's name, where the kind is not enough.
    name: str = ""
    # Whether the value on the right is one that the module makes of its input `name`.
    is_generated: bool = False

    def covers(self, kind, path, here, there):
        name, *rest = path
        is_meant = here is None and str(there).startswith(GENERATED) if self.is_generated else True
        return kind == self.kind and name.startswith(self.name) and tuple(rest[:len(self.path)]) == self.path and is_meant


# How a name starts that the module makes of its input `name`.
GENERATED = ("<function ", "<Queue.", NAME)
NAMED = "CloudFormation generates a name, the provider requires one"
CODEDEPLOY = "the provider cannot start a deployment of CodeDeploy when the alias moves, so an alias moves at once"

OF_TERRAFORM = [
    Permitted("AWS::Lambda::Function", ("FunctionName",), NAMED, is_generated=True),
    Permitted("AWS::CloudWatch::Alarm", ("AlarmName",), NAMED, is_generated=True),
    Permitted("AWS::CloudWatch::Dashboard", ("DashboardName",), NAMED, is_generated=True),
    Permitted("AWS::IoT::Authorizer", ("AuthorizerName",), NAMED, is_generated=True),
    Permitted("AWS::IoT::DomainConfiguration", ("DomainConfigurationName",), NAMED, is_generated=True),
    Permitted("AWS::IoT::TopicRule", ("RuleName",), NAMED, is_generated=True),
    Permitted("AWS::SQS::Queue", ("QueueName",), NAMED, is_generated=True),
    Permitted("AWS::Lambda::Function", ("Tags",), "SAM's own tag"),
    Permitted("AWS::Lambda::Alias", ("UpdatePolicy",), CODEDEPLOY),
    Permitted("AWS::CodeDeploy::Application", (), CODEDEPLOY),
    Permitted("AWS::CodeDeploy::DeploymentGroup", (), CODEDEPLOY),
    Permitted("AWS::IAM::Role", (), CODEDEPLOY, "Role of deployment group"),
]
OF_CDK = [
    Permitted("AWS::Lambda::Function", ("Tags",), "SAM's own tag"),
]


def unmeant(differences, left, right, permitted, used):
    """The differences that nothing permits. The rows that permit one are added to `used`."""
    for path, here, there in differences:
        kind = (left.get(path[0]) or right[path[0]])["kind"]
        row = next((row for row in permitted if row.covers(kind, path, here, there)), None)
        if row:
            used.add(row)
        else:
            yield f"{' / '.join(map(str, path))}: {here!r}, not {there!r}"

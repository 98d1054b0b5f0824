"""What holds for every deployment of deploy/managed-instances.yaml. Each check takes a stack and yields its errors."""

from checks import ALIAS, FUNCTION, differs, logs, only, permission, runbook, stars, statements, trusted
from stack import read


def resources(stack):
    """Nothing else is created: no alias without a version, no instance outside of the capacity provider."""
    yield from differs("the kinds of resources", sorted(resource["Type"] for resource in stack.resources.values()), sorted([
        "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Alarm", "AWS::IAM::Role", "AWS::IAM::Role", "AWS::IoT::Authorizer",
        "AWS::Lambda::Alias", "AWS::Lambda::CapacityProvider", "AWS::Lambda::Function", "AWS::Lambda::Permission",
        "AWS::Lambda::Version", "AWS::Logs::LogGroup",
    ]))


def instances(stack):
    given = stack.values
    yield from differs("the capacity provider", only(stack, "AWS::Lambda::CapacityProvider"), {
        "VpcConfig": {"SubnetIds": given["SubnetIds"].split(","), "SecurityGroupIds": given["SecurityGroupIds"].split(",")},
        "InstanceRequirements": {"Architectures": [given["Architecture"]]},
        "CapacityProviderScalingConfig": {
            "MaxVCpuCount": given["MaxVCpuCount"], "ScalingMode": "Manual", "ScalingPolicies": [
                {"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": given["TargetCpuPercent"]},
            ],
        },
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "<OperatorRole.Arn>"},
    })


def function(stack):
    """The function runs on the capacity provider, with several events at once."""
    given = stack.values
    properties = only(stack, "AWS::Lambda::Function")
    secrets = {"KEYS_SECRET": given["KeysSecretArn"], "REVOCATION_SECRET": given["RevocationSecretArn"]}
    for name, wanted in {
        "Timeout": 5, "Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": [given["Architecture"]], "MemorySize": given["MemorySize"],
        "Role": "<AuthorizerRole.Arn>", "Environment": {"Variables": {name: value for name, value in secrets.items() if value}},
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": "<Instances.Arn>", "PerExecutionEnvironmentMaxConcurrency": given["Concurrency"],
            "ExecutionEnvironmentMemoryGiBPerVCpu": given["MemoryPerVCpu"],
        }},
        "LoggingConfig": {"LogGroup": "<AuthorizerLogs>", "LogFormat": "JSON", "ApplicationLogLevel": given["LogLevel"], "SystemLogLevel": "WARN"},
        "VpcConfig": None, "ReservedConcurrentExecutions": None,
    }.items():
        yield from differs(name, properties.get(name), wanted)
    if int(given["MemorySize"]) % (1024 * int(given["MemoryPerVCpu"])):
        yield "MemorySize is not a whole number of processors"


def version(stack):
    """Authorizer and permission name the alias of a published version, which has the limits of the sandboxes."""
    properties = only(stack, "AWS::Lambda::Alias")
    name, = stack.of_type("AWS::Lambda::Version")
    yield from differs("the alias", [properties["Name"], properties["FunctionName"], properties["FunctionVersion"]], ["live", FUNCTION, f"<{name}.Version>"])
    yield from differs("the sandboxes", only(stack, "AWS::Lambda::Version").get("FunctionScalingConfig"), {
        "MinExecutionEnvironments": stack.values["MinSandboxes"], "MaxExecutionEnvironments": stack.values["MaxSandboxes"],
    })
    yield from differs("the authorizer's function", only(stack, "AWS::IoT::Authorizer")["AuthorizerFunctionArn"], ALIAS)


def authorizer(stack):
    given = stack.values
    wanted = {
        "AuthorizerFunctionArn": ALIAS, "Status": given["AuthorizerStatus"], "TokenKeyName": given["TokenKeyName"], "SigningDisabled": True,
        "EnableCachingForHttp": False,
    }
    if given["AuthorizerName"]:
        wanted["AuthorizerName"] = given["AuthorizerName"]
    yield from differs("the authorizer", only(stack, "AWS::IoT::Authorizer"), wanted)


def role(stack):
    """The function may do exactly this, and nothing about instances."""
    given = stack.values
    properties = stack.resources["AuthorizerRole"]["Properties"]
    found = [(statement["Action"], statement["Resource"]) for _, statement in statements(properties["Policies"])]
    secrets = [arn for arn in (given["KeysSecretArn"], given["RevocationSecretArn"]) if arn]
    yield from differs("the role's permissions", found, [
        (["logs:CreateLogStream", "logs:PutLogEvents"], "<AuthorizerLogs.Arn>"), *(("secretsmanager:GetSecretValue", arn) for arn in secrets),
    ])
    yield from differs("the role's members", set(properties), {"Path", "AssumeRolePolicyDocument", "Policies"})
    yield from differs("the role's principals", trusted(properties), [("sts:AssumeRole", {"Service": "lambda.amazonaws.com"})])


def operator(stack):
    """Lambda manages the instances of this account alone, with AWS's policy for it."""
    properties = stack.resources["OperatorRole"]["Properties"]
    yield from differs("the operator's members", set(properties), {"AssumeRolePolicyDocument", "ManagedPolicyArns"})
    yield from differs("the operator's policies", properties["ManagedPolicyArns"], ["arn:<AWS::Partition>:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"])
    yield from differs("the operator's principals", trusted(properties), [("sts:AssumeRole", {"Service": "lambda.amazonaws.com"})])
    statement, = properties["AssumeRolePolicyDocument"]["Statement"]
    yield from differs("the operator's account", statement.get("Condition"), {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}})


def alarms(stack):
    topic = stack.values["AlarmTopicArn"]
    actions = {"AlarmActions": [topic], "OKActions": [topic]} if topic else {}
    dimensions = {
        "ThrottlesAlarm": ("Throttles", [{"Name": "FunctionName", "Value": FUNCTION}]),
        "ErrorsAlarm": ("Errors", [{"Name": "FunctionName", "Value": FUNCTION}, {"Name": "Resource", "Value": f"{FUNCTION}:live"}]),
    }
    for name, (metric, wanted) in dimensions.items():
        found = dict(stack.resources[name]["Properties"])
        yield from runbook(name, found.pop("AlarmDescription"), stack.values["DocsUrl"])
        yield from differs(name, found, {
            "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": wanted, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching", **actions,
        })


def outputs(stack):
    yield from differs("the outputs", dict(stack.outputs), {
        "AuthorizerName": "<Authorizer>", "AuthorizerArn": "<Authorizer.Arn>", "FunctionName": FUNCTION, "AliasArn": ALIAS,
        "CapacityProviderArn": "<Instances.Arn>", "LogGroup": "<AuthorizerLogs>",
    })


def same_names(template):
    """A parameter that template.yaml has, too, accepts the same values, but for what Managed Instances limit."""
    own = {"MemorySize", "AuthorizerStatus", "TokenKeyName"}
    others = read("template.yaml")["Parameters"]
    for name in sorted(set(template["Parameters"]) & set(others) - own):
        limits = lambda parameter: {key: parameter.get(key) for key in ("Type", "Default", "AllowedValues", "AllowedPattern", "MaxLength", "MinValue", "MaxValue")}
        yield from differs(name, limits(template["Parameters"][name]), limits(others[name]))


CHECKS = [resources, instances, function, version, permission, authorizer, role, operator, stars, logs, alarms, outputs]

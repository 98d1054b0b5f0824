"""Flows of authorizers, domain configurations and event configurations with boto3."""

from control_plane import ACCOUNT, REGION, error_of
from flows import equal
from lib.checks import check

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"


def check_authorizers(iot):
    built_in = iot.describe_default_authorizer()["authorizerDescription"]["authorizerName"]
    made = iot.create_authorizer(authorizerName="other", authorizerFunctionArn=FUNCTION, signingDisabled=True, status="ACTIVE")
    equal("an authorizer of the name", error_of(iot.create_authorizer, authorizerName="other", authorizerFunctionArn=FUNCTION, signingDisabled=True),
        (409, "ResourceAlreadyExistsException"))
    found = [item["authorizerName"] for item in iot.list_authorizers(ascendingOrder=True)["authorizers"]]
    equal("the authorizers", sorted(found), sorted(["other", built_in]))
    equal("the built-in one stays", error_of(iot.delete_authorizer, authorizerName=built_in), (400, "InvalidRequestException"))
    iot.set_default_authorizer(authorizerName="other")
    equal("the new default", iot.describe_default_authorizer()["authorizerDescription"]["authorizerArn"], made["authorizerArn"])
    equal("an active authorizer stays", error_of(iot.delete_authorizer, authorizerName="other"), (409, "DeleteConflictException"))
    iot.clear_default_authorizer()
    equal("no default", error_of(iot.describe_default_authorizer), (404, "ResourceNotFoundException"))
    iot.update_authorizer(authorizerName="other", status="INACTIVE")
    equal("a changed authorizer", iot.describe_authorizer(authorizerName="other")["authorizerDescription"]["status"], "INACTIVE")
    iot.delete_authorizer(authorizerName="other")
    equal("a deleted authorizer", error_of(iot.describe_authorizer, authorizerName="other"), (404, "ResourceNotFoundException"))
    iot.set_default_authorizer(authorizerName=built_in)


def check_domains(iot):
    made = iot.create_domain_configuration(domainConfigurationName="devices", domainName="devices.localhost", authenticationType="AWS_X509")
    described = iot.describe_domain_configuration(domainConfigurationName="devices")
    equal("a domain configuration", (described["domainName"], described["authenticationType"], described["domainConfigurationArn"]),
        ("devices.localhost", "AWS_X509", made["domainConfigurationArn"]))
    check("it is listed", "devices" in [
        item["domainConfigurationName"] for item in iot.list_domain_configurations()["domainConfigurations"]])
    equal("an enabled one stays", error_of(iot.delete_domain_configuration, domainConfigurationName="devices")[0], 400)
    iot.update_domain_configuration(domainConfigurationName="devices", domainConfigurationStatus="DISABLED")
    iot.delete_domain_configuration(domainConfigurationName="devices")
    equal("a deleted one", error_of(iot.describe_domain_configuration, domainConfigurationName="devices"), (404, "ResourceNotFoundException"))


def check_events(iot):
    iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": True}})
    found = iot.describe_event_configurations()["eventConfigurations"]
    equal("event configurations", (found["THING"]["Enabled"], found["POLICY"]["Enabled"]), (True, False))

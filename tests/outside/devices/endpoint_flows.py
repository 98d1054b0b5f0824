"""Flows of authorizers, domain configurations and event configurations with boto3."""

import json
import subprocess

from control_plane import ACCOUNT, REGION, error_of
from flows import equal
from lib.checks import check
from lib.gateway import command_line

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


def check_authorizer_tests(plane, iot):
    """TestInvokeAuthorizer of the built-in authorizer, with a token of the gateway's issuer."""
    built_in = iot.describe_default_authorizer()["authorizerDescription"]["authorizerName"]
    line = ("token", "--config", str(plane.folder / "authorizer.toml"), "--sub", "alice", "--claim", "tenant=acme")
    token = subprocess.run(command_line(*line), capture_output=True, text=True, check=True).stdout.strip()

    def asked(password, client_id):
        return iot.test_invoke_authorizer(authorizerName=built_in, mqttContext={"username": "u", "password": password, "clientId": client_id},
            tlsContext={"serverName": "localhost"})

    answer = asked(token.encode(), "alice")
    equal("a test of an authorizer", answer["isAuthenticated"], True)
    times = [answer[name] for name in ("disconnectAfterInSeconds", "refreshAfterInSeconds")]
    check("its times end with the token", all(3500 < seconds <= 3600 for seconds in times), str(times))
    documents = [json.loads(document) for document in answer["policyDocuments"]]
    check("its documents are strings with policies", documents and all(document["Statement"] for document in documents), str(documents))
    for title, password, client_id in [
        ("another token", b"no token", "alice"), ("another client id", token.encode(), "bob"), ("a cut token", token.encode()[:-4], "alice"),
    ]:
        equal(f"a test of an authorizer with {title}", asked(password, client_id)["isAuthenticated"], False)
    iot.create_authorizer(authorizerName="lost", authorizerFunctionArn=FUNCTION, signingDisabled=True)
    equal("a test of an authorizer without a function", error_of(iot.test_invoke_authorizer, authorizerName="lost", token="t"), (400, "InvalidRequestException"))
    check("the event log names --lambda", plane.gateway.wait_for("--lambda other=COMMAND"))
    iot.delete_authorizer(authorizerName="lost")
    equal("a test of a deleted authorizer", error_of(iot.test_invoke_authorizer, authorizerName="lost", token="t"), (404, "ResourceNotFoundException"))


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

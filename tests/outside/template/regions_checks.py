"""What holds for every deployment of deploy/regions.yaml. Each check takes a stack and yields its errors."""

from checks import differs, runbook
from stack import read

SIDES = ("First", "Second")


def resources(stack):
    """Nothing else is created."""
    yield from differs("the resources", sorted((name, resource["Type"]) for name, resource in stack.resources.items()), sorted(
        (side + suffix, kind) for side in SIDES for suffix, kind in [
            ("HealthCheck", "AWS::Route53::HealthCheck"), ("Record", "AWS::Route53::RecordSet"), ("RegionAlarm", "AWS::CloudWatch::Alarm"),
        ]))


def region(stack, side):
    """The Region in an endpoint, which is `ID-ats.iot.REGION.amazonaws.com`."""
    return stack.values[f"{side}Endpoint"].split(".iot.")[1].split(".amazonaws.")[0]


def records(stack):
    """Both have one name and a Region each, and leave the answers while their health check fails."""
    given = stack.values
    for side, role in zip(SIDES, ("PRIMARY", "SECONDARY")):
        routing = {"Failover": role} if given["Routing"] == "failover" else {"Region": region(stack, side)}
        yield from differs(f"{side}Record", stack.resources[f"{side}Record"]["Properties"], {
            "HostedZoneId": given["HostedZoneId"], "Name": given["DomainName"], "Type": "CNAME", "TTL": given["TimeToLive"],
            "ResourceRecords": [given[f"{side}Endpoint"]], "SetIdentifier": side.lower(), "HealthCheckId": f"<{side}HealthCheck>", **routing,
        })


def health(stack):
    """A Region without data is unhealthy. One that is taken out of service is inverted: a disabled check would count as healthy."""
    given = stack.values
    for side in SIDES:
        is_inverted = given["OutOfService"] == side.lower()
        if given["HealthCheck"] == "CLOUDWATCH_METRIC":
            wanted = {
                "Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Name": given[f"{side}AlarmName"], "Region": region(stack, side)},
                "InsufficientDataHealthStatus": "Unhealthy", "Inverted": is_inverted,
            }
        else:
            wanted = {
                "Type": "HTTPS", "FullyQualifiedDomainName": given[f"{side}Probe"], "Port": 443, "ResourcePath": given["ProbePath"], "EnableSNI": True,
                "RequestInterval": given["ProbeInterval"], "FailureThreshold": given["ProbeFailures"], "Inverted": is_inverted,
            }
        found = stack.resources[f"{side}HealthCheck"]["Properties"]
        yield from differs(f"{side}HealthCheck", found["HealthCheckConfig"], wanted)
        yield from differs(f"{side}HealthCheck's name", found["HealthCheckTags"], [{"Key": "Name", "Value": f"{given['DomainName']} {side.lower()}"}])


def alarms(stack):
    """A lost Region is reported, and so are alarms in a Region without Route 53's metrics."""
    topic = stack.values["AlarmTopicArn"]
    actions = {"AlarmActions": [topic], "OKActions": [topic]} if topic else {}
    for side in SIDES:
        found = dict(stack.resources[f"{side}RegionAlarm"]["Properties"])
        yield from runbook(f"{side}RegionAlarm", found.pop("AlarmDescription"), stack.values["DocsUrl"])
        yield from differs(f"{side}RegionAlarm", found, {
            "Namespace": "AWS/Route53", "MetricName": "HealthCheckStatus", "Dimensions": [{"Name": "HealthCheckId", "Value": f"<{side}HealthCheck>"}],
            "Statistic": "Minimum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "breaching", **actions,
        })


def outputs(stack):
    yield from differs("the outputs", dict(stack.outputs), {
        "DomainName": stack.values["DomainName"], "FirstHealthCheckId": "<FirstHealthCheck>", "SecondHealthCheckId": "<SecondHealthCheck>",
    })


def domain(template):
    """template.yaml accepts the name as its DomainName, and has what a second Region needs."""
    authorizer = read("template.yaml")["Parameters"]
    for name in ("DomainName", "CertificateArn", "AuthorizerName", "KeysSecretArn", "KeysSecretReplicaRegion"):
        if name not in authorizer:
            yield f"template.yaml has no {name}"
    yield from differs("the longest name", template["Parameters"]["DomainName"]["MaxLength"], authorizer["DomainName"]["MaxLength"])


CHECKS = [resources, records, health, alarms, outputs]

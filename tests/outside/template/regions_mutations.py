"""Broken copies of deploy/regions.yaml. Each names the check that has to find it, so that every check can fail."""

from mutation import REMOVED, replaced

P = "Properties"
CONFIG = "HealthCheckConfig"


def resource(name, *rest):
    return ("Resources", name, P, *rest)


def check(side, branch, *rest):
    """A member of a health check: `branch` is 1 for an alarm, 2 for a probe."""
    return resource(f"{side}HealthCheck", CONFIG, "Fn::If", branch, *rest)


# The check, the path of a value, and its replacement.
MUTATIONS = [
    ("resources", ("Resources", "SecondRecord"), REMOVED),
    ("resources", ("Resources", "Third"), {"Type": "AWS::Route53::RecordSet", P: {"Name": "example.com", "Type": "A"}}),
    ("records", resource("FirstRecord", "HostedZoneId"), "Z1"),
    ("records", resource("FirstRecord", "Name"), "example.com"),
    ("records", resource("SecondRecord", "Type"), "A"),
    ("records", resource("SecondRecord", "TTL"), 3600),
    ("records", resource("FirstRecord", "ResourceRecords", 0), {"Ref": "SecondEndpoint"}),
    ("records", resource("SecondRecord", "ResourceRecords", 0), {"Ref": "FirstEndpoint"}),
    ("records", resource("SecondRecord", "SetIdentifier"), "first"),
    ("records", resource("FirstRecord", "Failover", "Fn::If", 1), "SECONDARY"),
    ("records", resource("SecondRecord", "Failover", "Fn::If", 1), "PRIMARY"),
    ("records", resource("FirstRecord", "Failover"), REMOVED),
    ("records", resource("FirstRecord", "Region"), REMOVED),
    ("records", resource("SecondRecord", "Region", "Fn::If", 2, "Fn::Select", 1, "Fn::Split", 1), {"Ref": "FirstEndpoint"}),
    ("records", resource("FirstRecord", "Region", "Fn::If", 2, "Fn::Select", 0), 1),
    ("records", resource("FirstRecord", "HealthCheckId"), REMOVED),
    ("records", resource("SecondRecord", "HealthCheckId"), {"Ref": "FirstHealthCheck"}),
    ("health", check("First", 1, "InsufficientDataHealthStatus"), "LastKnownStatus"),
    ("health", check("Second", 1, "InsufficientDataHealthStatus"), "Healthy"),
    ("health", check("First", 1, "InsufficientDataHealthStatus"), REMOVED),
    ("health", check("First", 1, "AlarmIdentifier", "Name"), {"Ref": "SecondAlarmName"}),
    ("health", check("Second", 1, "AlarmIdentifier", "Region", "Fn::Select", 1, "Fn::Split", 1), {"Ref": "FirstEndpoint"}),
    ("health", check("First", 1, "Inverted"), REMOVED),
    ("health", check("First", 1, "Inverted", "Fn::If", 0), "IsSecondOut"),
    ("health", check("Second", 2, "Inverted"), True),
    ("health", check("Second", 2, "Disabled"), True),
    ("health", check("First", 2, "Type"), "TCP"),
    ("health", check("First", 2, "Port"), 8883),
    ("health", check("First", 2, "FullyQualifiedDomainName"), {"Ref": "DomainName"}),
    ("health", check("Second", 2, "ResourcePath"), "/"),
    ("health", check("Second", 2, "EnableSNI"), False),
    ("health", check("Second", 2, "RequestInterval"), 30),
    ("health", check("First", 2, "FailureThreshold"), 10),
    ("health", resource("FirstHealthCheck", CONFIG, "Fn::If", 0), "IsFailover"),
    ("health", resource("FirstHealthCheck", "HealthCheckTags", 0, "Value"), "first"),
    ("alarms", resource("FirstRegionAlarm", "TreatMissingData"), "notBreaching"),
    ("alarms", resource("FirstRegionAlarm", "AlarmActions"), REMOVED),
    ("alarms", resource("SecondRegionAlarm", "OKActions"), REMOVED),
    ("alarms", resource("SecondRegionAlarm", "Dimensions", 0, "Value"), {"Ref": "FirstHealthCheck"}),
    ("alarms", resource("SecondRegionAlarm", "Statistic"), "Maximum"),
    ("alarms", resource("FirstRegionAlarm", "ComparisonOperator"), "GreaterThanOrEqualToThreshold"),
    ("alarms", resource("FirstRegionAlarm", "Threshold"), 0),
    ("alarms", resource("FirstRegionAlarm", "AlarmDescription", "Fn::Sub"), replaced("#alarms", "#no-such-heading")),
    ("outputs", ("Outputs", "FirstHealthCheckId", "Value"), {"Ref": "SecondHealthCheck"}),
    ("outputs", ("Outputs", "DomainName"), REMOVED),
    ("domain", ("Parameters", "DomainName", "MaxLength"), 255),
]

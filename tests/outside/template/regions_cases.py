"""Valid deployments of deploy/regions.yaml, and those that CloudFormation has to reject."""

TOPIC = "arn:aws:sns:us-east-1:123456789012:operators"
NAMES = {
    "HostedZoneId": "Z0123456789ABCDEFGHIJ", "DomainName": "iot.example.com",
    "FirstEndpoint": "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com", "SecondEndpoint": "a1b2c3d4e5f6g7-ats.iot.ap-northeast-1.amazonaws.com",
}
ALARMS = {**NAMES, "FirstAlarmName": "iot-round-trip", "SecondAlarmName": "iot-round-trip-2"}
PROBES = {**NAMES, "HealthCheck": "HTTPS", "FirstProbe": "probe-1.example.com", "SecondProbe": "probe-2.example.com"}

GOOD = {
    "alarms": ALARMS,
    "probes": PROBES,
    "latency": {**ALARMS, "Routing": "latency"},
    "the first Region out of service": {**ALARMS, "OutOfService": "first"},
    "the second Region out of service": {**PROBES, "OutOfService": "second"},
    "everything": {
        **PROBES, "Routing": "latency", "TimeToLive": 10, "ProbePath": "/health?deep=1", "ProbeInterval": 10, "ProbeFailures": 1, "OutOfService": "first",
        "AlarmTopicArn": TOPIC, "DocsUrl": "https://git.example.com/docs",
    },
    "China": {**ALARMS, "FirstEndpoint": "a1-ats.iot.cn-north-1.amazonaws.com.cn", "SecondEndpoint": "a1-ats.iot.cn-northwest-1.amazonaws.com.cn"},
}

# Parameters, and a part of the violated rule's description.
CONTRADICTIONS = [
    ({**ALARMS, "SecondEndpoint": NAMES["FirstEndpoint"]}, "FirstEndpoint and SecondEndpoint are equal"),
    ({**ALARMS, "FirstAlarmName": ""}, "needs FirstAlarmName"),
    ({**ALARMS, "SecondAlarmName": ""}, "needs SecondAlarmName"),
    ({**ALARMS, "FirstProbe": "probe-1.example.com"}, "FirstProbe does nothing"),
    ({**ALARMS, "SecondProbe": "probe-2.example.com"}, "SecondProbe does nothing"),
    ({**PROBES, "FirstProbe": ""}, "needs FirstProbe"),
    ({**PROBES, "SecondProbe": ""}, "needs SecondProbe"),
    ({**PROBES, "SecondProbe": "probe-1.example.com"}, "FirstProbe and SecondProbe are equal"),
    ({**PROBES, "FirstProbe": "iot.example.com"}, "FirstProbe is the common name"),
    ({**PROBES, "SecondProbe": "iot.example.com"}, "SecondProbe is the common name"),
    ({**PROBES, "FirstAlarmName": "iot-round-trip"}, "FirstAlarmName does nothing"),
    ({**PROBES, "SecondAlarmName": "iot-round-trip"}, "SecondAlarmName does nothing"),
]

# Parameters, and the one that is outside its own limits.
OUTSIDE = [({**ALARMS, name: value}, name) for name, value in [
    ("HostedZoneId", ""),
    ("HostedZoneId", "example.com"),
    ("HostedZoneId", "/hostedzone/Z0123456789ABCDEFGHIJ"),
    ("DomainName", "example.com"),
    ("DomainName", "*.example.com"),
    ("DomainName", "iot.example.com."),
    ("FirstEndpoint", ""),
    ("FirstEndpoint", "https://a1-ats.iot.eu-west-1.amazonaws.com"),
    ("FirstEndpoint", "a1.iot.eu-west-1.amazonaws.com"),
    ("FirstEndpoint", "a1-ats.iot.eu-west-1.example.com"),
    ("SecondEndpoint", "iot.example.com"),
    ("SecondEndpoint", "a1-ats.iot.*.amazonaws.com"),
    ("Routing", "geolocation"),
    ("TimeToLive", -1),
    ("TimeToLive", 86400),
    ("OutOfService", "both"),
    ("HealthCheck", "TCP"),
    ("FirstProbe", "https://probe-1.example.com"),
    ("SecondProbe", "probe-2"),
    ("ProbePath", "health"),
    ("ProbePath", "/a b"),
    ("ProbeInterval", 20),
    ("ProbeFailures", 0),
    ("ProbeFailures", 11),
    ("AlarmTopicArn", "operators"),
    ("DocsUrl", "https://git.example.com/docs/"),
]]

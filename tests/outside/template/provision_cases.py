"""Valid deployments of provision/template.yaml, and those that CloudFormation has to reject."""

CA = "0123456789abcdef" * 4
OTHER_CA = CA[::-1]
TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"
JITR = {"AuthorityId": CA}
CLAIM = {"BootstrapRequest": "bootstrap/+/request"}
TABLE = {"TableName": "devices", "CreateTable": "true"}

GOOD = {
    "jitr": JITR,
    "jitr, with two CA certificates and a given table": {**JITR, "SecondAuthorityId": OTHER_CA, "TableName": "devices"},
    "claim": {**CLAIM, **TABLE},
    "claim, on topics of another depth": {
        "BootstrapRequest": "v1/new/+/csr/request", "BootstrapIdLevel": 3, "BootstrapResponse": "v1/new/*/csr/response",
    },
    "hook": {"FleetTemplateName": "fleet"},
    "hook, with a table": {"FleetTemplateName": "fleet", **TABLE, "DevicePolicyName": "sensor"},
    "a template without a function": {"JitpTemplateName": "jitp", "DevicePolicyName": "sensor"},
    "everything": {
        **JITR, **CLAIM, **TABLE, "SecondAuthorityId": OTHER_CA, "FleetTemplateName": "fleet", "JitpTemplateName": "jitp", "AlarmTopicArn": TOPIC,
        "DocsUrl": "https://git.example.com/docs", "DenialAlarmCount": 3, "LogRetentionDays": 365, "LogLevel": "WARN", "Architecture": "x86_64", "MemorySize": 128,
        "ReservedConcurrency": 20,
    },
    "stopped": {**JITR, **CLAIM, "ReservedConcurrency": 0},
}

# Parameters, and a part of the violated rule's description.
CONTRADICTIONS = [
    ({}, "at least one of"),
    ({"DevicePolicyName": "sensor"}, "at least one of"),
    ({"SecondAuthorityId": OTHER_CA}, "before the second"),
    ({**CLAIM, "SecondAuthorityId": OTHER_CA}, "before the second"),
    ({**JITR, "SecondAuthorityId": CA}, "one CA certificate"),
    ({"FleetTemplateName": "devices", "JitpTemplateName": "devices"}, "share their names"),
    ({**JITR, "CreateTable": "true"}, "CreateTable needs TableName"),
    ({"CreateTable": "true"}, "CreateTable needs TableName"),
    ({"JitpTemplateName": "jitp", "TableName": "devices"}, "TableName does nothing"),
    ({"JitpTemplateName": "jitp", **TABLE}, "TableName does nothing"),
]

# Parameters, and the one that is outside its own limits.
OUTSIDE = [
    ({"Architecture": "aarch64"}, "Architecture"),
    ({"MemorySize": 64}, "MemorySize"),
    ({"ReservedConcurrency": -2}, "ReservedConcurrency"),
    ({"LogRetentionDays": 10}, "LogRetentionDays"),
    ({"LogLevel": "info"}, "LogLevel"),
    ({"AuthorityId": CA.upper()}, "AuthorityId"),
    ({"AuthorityId": CA[1:]}, "AuthorityId"),
    ({"AuthorityId": "#"}, "AuthorityId"),
    ({"AuthorityId": "+"}, "AuthorityId"),
    ({"SecondAuthorityId": CA + "0"}, "SecondAuthorityId"),
    ({"BootstrapRequest": "bootstrap/#"}, "BootstrapRequest"),
    ({"BootstrapRequest": "bootstrap/request"}, "BootstrapRequest"),
    ({"BootstrapRequest": "bootstrap/+/+/request"}, "BootstrapRequest"),
    ({"BootstrapRequest": "bootstrap/a+/request"}, "BootstrapRequest"),
    ({"BootstrapRequest": "bootstrap//+/request"}, "BootstrapRequest"),
    ({"BootstrapRequest": "$aws/+/request"}, "BootstrapRequest"),
    ({"BootstrapRequest": "bootstrap/+/request' WHERE true OR '"}, "BootstrapRequest"),
    ({"BootstrapIdLevel": 0}, "BootstrapIdLevel"),
    ({"BootstrapIdLevel": 9}, "BootstrapIdLevel"),
    ({"BootstrapResponse": ""}, "BootstrapResponse"),
    ({"BootstrapResponse": "*/*"}, "BootstrapResponse"),
    ({"BootstrapResponse": "bootstrap/${id}/response"}, "BootstrapResponse"),
    ({"BootstrapResponse": "$aws/*/response"}, "BootstrapResponse"),
    ({"BootstrapResponse": "bootstrap/?/*"}, "BootstrapResponse"),
    ({"FleetTemplateName": "fleet template"}, "FleetTemplateName"),
    ({"FleetTemplateName": "f" * 37}, "FleetTemplateName"),
    ({"JitpTemplateName": "jitp/1"}, "JitpTemplateName"),
    ({"DevicePolicyName": ""}, "DevicePolicyName"),
    ({"DevicePolicyName": 'device" }, "x": { "y": "'}, "DevicePolicyName"),
    ({"TableName": "*"}, "TableName"),
    ({"TableName": "table/devices"}, "TableName"),
    ({"CreateTable": "yes"}, "CreateTable"),
    ({"AlarmTopicArn": "operators"}, "AlarmTopicArn"),
    ({"DocsUrl": "https://git.example.com/docs/"}, "DocsUrl"),
    ({"DenialAlarmCount": 0}, "DenialAlarmCount"),
]

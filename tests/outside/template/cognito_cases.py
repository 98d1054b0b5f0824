"""Valid deployments of deploy/cognito.yaml, and those that CloudFormation has to reject."""

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"
LEAST = {"LoginDomainPrefix": "example-app", "AppUrl": "https://app.example.com/"}
DEVELOPMENT = {"SecondAppUrl": "http://localhost:8080/"}

GOOD = {
    "the least": LEAST,
    "a second address": {**LEAST, **DEVELOPMENT},
    "an address on this machine alone": {"LoginDomainPrefix": "a", "AppUrl": "http://localhost"},
    "everything": {
        **LEAST, **DEVELOPMENT, "SelfSignUp": "true", "PolicyName": "people", "Architecture": "x86_64", "MemorySize": 128, "ReservedConcurrency": 5,
        "LogRetentionDays": 365, "LogLevel": "WARN", "AlarmTopicArn": TOPIC, "DocsUrl": "https://git.example.com/docs",
    },
    "with alarms": {**LEAST, "AlarmTopicArn": TOPIC},
    "stopped": {**LEAST, "ReservedConcurrency": 0},
}

# Parameters, and a part of the violated rule's description.
CONTRADICTIONS = [
    ({**LEAST, "SecondAppUrl": LEAST["AppUrl"]}, "are equal"),
]

# Parameters, and the one that is outside its own limits.
OUTSIDE = [({**LEAST, name: value}, name) for name, value in [
    ("LoginDomainPrefix", ""),
    ("LoginDomainPrefix", "Example"),
    ("LoginDomainPrefix", "-example"),
    ("LoginDomainPrefix", "example-"),
    ("LoginDomainPrefix", "example.app"),
    ("LoginDomainPrefix", "e" * 64),
    ("AppUrl", ""),
    ("AppUrl", "http://app.example.com/"),
    ("AppUrl", "http://localhost.example.com/"),
    ("AppUrl", "http://localhost:8080@example.com/"),
    ("AppUrl", "https://localhost:8080@example.com/"),
    ("AppUrl", "https://app.example.com/#"),
    ("AppUrl", "https://*.example.com/"),
    ("AppUrl", "https://app.example.com/,https://example.org/"),
    ("AppUrl", "app.example.com"),
    ("AppUrl", "javascript:alert(1)"),
    ("SecondAppUrl", "http://app.example.com/"),
    ("SecondAppUrl", "https://app.example.com/ "),
    ("SelfSignUp", "yes"),
    ("PolicyName", ""),
    ("PolicyName", "app/*"),
    ("PolicyName", "p" * 129),
    ("Architecture", "aarch64"),
    ("MemorySize", 64),
    ("ReservedConcurrency", -2),
    ("LogRetentionDays", 10),
    ("LogLevel", "info"),
    ("AlarmTopicArn", "operators"),
    ("DocsUrl", "https://git.example.com/docs/"),
]]

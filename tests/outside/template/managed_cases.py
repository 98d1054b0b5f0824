"""Valid deployments of deploy/managed-instances.yaml, and those that CloudFormation has to reject."""

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:iot/keys-a1B2c3"
LIST = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:iot/revoked-a1B2c3"
NETWORK = {"SubnetIds": "subnet-0a1b2c3d,subnet-1a2b3c4d5e6f7a8b9,subnet-2a1b2c3d", "SecurityGroupIds": "sg-0a1b2c3d"}

GOOD = {
    "defaults": NETWORK,
    "two processors": {**NETWORK, "MemorySize": 4096, "Concurrency": 64},
    "four GiB for a processor": {**NETWORK, "MemorySize": 4096, "MemoryPerVCpu": 4},
    "secrets": {**NETWORK, "KeysSecretArn": SECRET, "RevocationSecretArn": LIST},
    "everything": {
        **NETWORK, "SecurityGroupIds": "sg-0a1b2c3d,sg-1a2b3c4d", "Architecture": "x86_64", "MaxVCpuCount": 64, "TargetCpuPercent": 30, "MemorySize": 16384,
        "MemoryPerVCpu": 8, "Concurrency": 1600, "MinSandboxes": 6, "MaxSandboxes": 24, "AuthorizerName": "app", "AuthorizerStatus": "ACTIVE",
        "TokenKeyName": "x-token", "KeysSecretArn": SECRET, "LogRetentionDays": 7, "LogLevel": "WARN", "AlarmTopicArn": TOPIC,
        "DocsUrl": "https://git.example.com/docs",
    },
}

# Parameters, and a part of the violated rule's description.
CONTRADICTIONS = [
    ({**NETWORK, "MemoryPerVCpu": 4}, "MemorySize is less than one processor's MemoryPerVCpu"),
    ({**NETWORK, "MemoryPerVCpu": 8}, "MemorySize is less than one processor's MemoryPerVCpu"),
    ({**NETWORK, "MemorySize": 4096, "MemoryPerVCpu": 8}, "MemorySize 4096 is less than one processor's MemoryPerVCpu"),
]

# Parameters, and the one that is outside its own limits.
OUTSIDE = [({**NETWORK, name: value}, name) for name, value in [
    ("SubnetIds", ""),
    ("SubnetIds", "subnet-0a1b2c3d,"),
    ("SubnetIds", "subnet-0a1b2c3d,vpc-0a1b2c3d"),
    ("SubnetIds", "10.0.0.0/24"),
    ("SecurityGroupIds", ""),
    ("SecurityGroupIds", "default"),
    ("SecurityGroupIds", "sg-0a1b2c3d subnet-0a1b2c3d"),
    ("Architecture", "amd64"),
    ("MaxVCpuCount", 5),
    ("MaxVCpuCount", 15001),
    ("TargetCpuPercent", 100),
    ("TargetCpuPercent", 0),
    ("MemorySize", 256),
    ("MemorySize", 1024),
    ("MemorySize", 3008),
    ("MemoryPerVCpu", 1),
    ("MemoryPerVCpu", 3),
    ("Concurrency", 0),
    ("Concurrency", 1),
    ("Concurrency", 1601),
    ("MinSandboxes", 0),
    ("MaxSandboxes", 15001),
    ("AuthorizerName", "my app"),
    ("AuthorizerStatus", "on"),
    ("TokenKeyName", ""),
    ("KeysSecretArn", "iot/keys"),
    ("RevocationSecretArn", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:iot/revoked"),
    ("LogRetentionDays", 8),
    ("LogLevel", "INFORMATION"),
    ("AlarmTopicArn", "operators"),
    ("DocsUrl", "https://git.example.com/docs/"),
]]

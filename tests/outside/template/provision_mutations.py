"""Broken copies of provision/template.yaml. Each names the check that has to find it, so that every check can fail."""

from mutation import REMOVED, replaced

P = "Properties"
STATEMENT = ("PolicyDocument", "Statement", 0)


def resource(name, *rest):
    return ("Resources", name, P, *rest)


def policies(name, number, *rest):
    return resource(f"{name}Role", "Policies", number, *(rest or STATEMENT))


def optional(name, number, *rest):
    """A statement of a policy that is there with a table."""
    return resource(f"{name}Role", "Policies", number, "Fn::If", 1, *STATEMENT, *rest)


def trust(name, *rest):
    return resource(name, "AssumeRolePolicyDocument", "Statement", 0, *rest)


def rule(name, *rest):
    return resource(f"{name}Rule", "TopicRulePayload", *rest)


def sql(name):
    return rule(name, "Sql", "Fn::Sub")


def any_of(kind, path):
    return {"Fn::Sub": "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s" % (kind, path)}


# The check, the path of a value, and its replacement.
MUTATIONS = [
    ("functions", resource("JitrFunction", "Handler"), "claim"),
    ("functions", resource("HookFunction", "Timeout"), 60),
    ("functions", resource("ClaimFunction", "Role"), {"Fn::GetAtt": ["JitrRole", "Arn"]}),
    ("functions", resource("JitrFunction", "DeadLetterQueue"), REMOVED),
    ("functions", resource("ClaimFunction", "ReservedConcurrentExecutions"), REMOVED),
    ("functions", resource("HookFunction", "LoggingConfig", "LogGroup"), {"Ref": "JitrLogs"}),
    ("functions", resource("HookFunction", "LoggingConfig", "LogFormat"), "Text"),
    ("functions", ("Globals", "Function", "Runtime"), "provided.al2"),
    ("functions", ("Globals", "Function", "MemorySize"), 1024),
    ("functions", ("Globals", "Function", "Architectures"), ["x86_64"]),
    ("functions", ("Resources", "HookFunction", "Condition"), "HasEvents"),
    ("retries", resource("JitrFunction", "EventInvokeConfig"), REMOVED),
    ("retries", resource("ClaimFunction", "EventInvokeConfig", "MaximumRetryAttempts"), 0),
    ("roles", policies("Jitr", 1, *STATEMENT, "Action"), ["iot:DescribeCertificate", "iot:UpdateCertificate", "iot:AttachPolicy", "iot:CreatePolicy"]),
    ("roles", policies("Jitr", 1, *STATEMENT, "Resource"), "*"),
    ("roles", policies("Claim", 1, "PolicyDocument", "Statement", 1, "Action"), ["iot:DescribeThing", "iot:CreateThing", "iot:UpdateThing"]),
    ("roles", policies("Claim", 1, "PolicyDocument", "Statement", 2, "Resource"), any_of("iot", "thing/*")),
    ("roles", policies("Claim", 2, "PolicyDocument", "Statement", 1, "Resource"), any_of("iot", "*")),
    ("roles", policies("Claim", 3, *STATEMENT, "Resource"), any_of("iot", "topic/*")),
    ("roles", policies("Claim", 3, *STATEMENT, "Action"), ["iot:Publish", "iot:Connect"]),
    ("roles", policies("Claim", 4, *STATEMENT, "Resource"), any_of("sqs", "*")),
    ("roles", resource("ClaimRole", "Policies", 5), REMOVED),
    ("roles", resource("JitrRole", "Policies", 3, "Fn::If", 0), "HasJitr"),
    ("roles", optional("Jitr", 3, "Action"), ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"]),
    ("roles", optional("Hook", 2, "Resource"), any_of("dynamodb", "table/*")),
    ("roles", optional("Hook", 1, "Action"), "iot:UpdateCertificate"),
    ("roles", policies("Hook", 0, *STATEMENT, "Resource"), any_of("logs", "*")),
    ("roles", policies("Rule", 0, *STATEMENT, "Action"), ["sqs:SendMessage", "lambda:InvokeFunction"]),
    ("roles", resource("JitrRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/AWSIoTFullAccess"]),
    ("roles", resource("ProvisioningRole", "ManagedPolicyArns", 0), "arn:aws:iam::aws:policy/AWSIoTFullAccess"),
    ("roles", ("Resources", "ProvisioningRole", "Condition"), REMOVED),
    ("trust", trust("JitrRole", "Principal"), {"Service": "*"}),
    ("trust", trust("RuleRole", "Condition"), REMOVED),
    ("trust", trust("ProvisioningRole", "Condition"), REMOVED),
    ("trust", trust("ProvisioningRole", "Principal"), {"AWS": "*"}),
    ("stars", policies("Jitr", 1, *STATEMENT, "Resource"), "*"),
    ("stars", policies("Claim", 3, *STATEMENT, "Resource"), "*"),
    ("stars", policies("Claim", 1, *STATEMENT, "Action"), "iot:*"),
    ("stars", optional("Hook", 2, "Action"), "dynamodb:*"),
    ("stars", policies("Claim", 2, *STATEMENT, "Action"), "iot:AttachPolicy"),
    ("permissions", resource("JitrPermission", "SourceArn"), REMOVED),
    ("permissions", resource("JitrPermission", "SourceArn"), any_of("iot", "rule/*")),
    ("permissions", resource("SecondJitrPermission", "SourceArn"), {"Fn::GetAtt": ["JitrRule", "Arn"]}),
    ("permissions", resource("ClaimPermission", "SourceAccount"), REMOVED),
    ("permissions", resource("ClaimPermission", "Principal"), "*"),
    ("permissions", resource("HookPermission", "SourceArn"), any_of("iot", "provisioningtemplate/*")),
    ("permissions", resource("HookPermission", "FunctionName"), {"Fn::GetAtt": ["ClaimFunction", "Arn"]}),
    ("permissions", resource("HookPermission", "Action"), "lambda:*"),
    ("permissions", ("Resources", "SecondJitrPermission"), REMOVED),
    ("rules", sql("Jitr"), replaced("${AuthorityId}", "#")),
    ("rules", sql("Jitr"), replaced("${AuthorityId}", "+")),
    ("rules", sql("SecondJitr"), replaced("${SecondAuthorityId}", "${AuthorityId}")),
    ("rules", sql("Claim"), replaced("principal() AS principal, ", "")),
    ("rules", rule("Jitr", "ErrorAction"), REMOVED),
    ("rules", rule("Claim", "ErrorAction", "Sqs", "RoleArn"), {"Fn::GetAtt": ["ClaimRole", "Arn"]}),
    ("rules", rule("Claim", "Actions", 0, "Lambda", "FunctionArn"), {"Fn::GetAtt": ["JitrFunction", "Arn"]}),
    ("rules", rule("Claim", "AwsIotSqlVersion"), "2015-10-08"),
    ("rules", rule("Claim", "RuleDisabled"), True),
    ("everything", sql("Claim"), replaced("csr, secret", "*")),
    ("everything", sql("Claim"), lambda found: "SELECT * " + found[found.index("FROM"):]),
    ("everything", sql("Claim"), replaced("${BootstrapIdLevel}", "1")),
    ("everything", sql("Jitr"), replaced("${AuthorityId}", "#")),
    ("provisioning", resource("FleetTemplate", "PreProvisioningHook"), REMOVED),
    ("provisioning", resource("FleetTemplate", "PreProvisioningHook", "TargetArn"), {"Fn::GetAtt": ["ClaimFunction", "Arn"]}),
    ("provisioning", resource("FleetTemplate", "TemplateBody", "Fn::Sub"), replaced('"ACTIVE"', '"INACTIVE"')),
    ("provisioning", resource("FleetTemplate", "TemplateBody", "Fn::Sub"), replaced("${DevicePolicyName}", "device")),
    ("provisioning", resource("JitpTemplate", "TemplateBody", "Fn::Sub"), replaced("CommonName", "SerialNumber")),
    ("provisioning", resource("JitpTemplate", "TemplateType"), REMOVED),
    ("provisioning", resource("JitpTemplate", "ProvisioningRoleArn"), {"Fn::GetAtt": ["RuleRole", "Arn"]}),
    ("provisioning", ("Resources", "FleetTemplate", "DependsOn"), REMOVED),
    ("kept", resource("FailedEvents", "SqsManagedSseEnabled"), REMOVED),
    ("kept", resource("FailedEvents", "MessageRetentionPeriod"), 345600),
    ("kept", ("Resources", "FailedEvents", "Condition"), REMOVED),
    ("kept", resource("HookLogs", "RetentionInDays"), REMOVED),
    ("kept", ("Resources", "ClaimLogs", "DeletionPolicy"), "Delete"),
    ("kept", ("Resources", "DevicesTable", "DeletionPolicy"), "Delete"),
    ("kept", resource("DevicesTable", "PointInTimeRecoverySpecification"), REMOVED),
    ("kept", resource("DevicesTable", "KeySchema", 0, "AttributeName"), "id"),
    ("alarms", resource("FailedEventsAlarm", "Dimensions", 0, "Value"), "FailedEvents"),
    ("alarms", resource("FailedEventsAlarm", "Statistic"), "Average"),
    ("alarms", resource("JitrDenialsAlarm", "MetricName"), "refused"),
    ("alarms", resource("ClaimDenialsAlarm", "Namespace"), "iot-jwt-authorizer"),
    ("alarms", resource("HookDenialsAlarm", "Threshold"), "10"),
    ("alarms", resource("HookErrorsAlarm", "AlarmDescription"), "Calls failed."),
    ("alarms", resource("HookErrorsAlarm", "Dimensions", 0, "Value"), {"Ref": "ClaimFunction"}),
    ("alarms", resource("HookThrottlesAlarm", "TreatMissingData"), "breaching"),
    ("alarms", resource("FailedEventsAlarm", "OKActions"), REMOVED),
    ("alarms", ("Resources", "HookThrottlesAlarm"), REMOVED),
    ("calls", policies("Claim", 2, "PolicyDocument", "Statement", 1), REMOVED),
    ("calls", policies("Claim", 3, *STATEMENT, "Action"), ["iot:Publish", "iot:DetachPolicy"]),
    ("outputs", ("Outputs", "FailedEventsUrl"), REMOVED),
    ("outputs", ("Outputs", "HookFunctionName", "Value"), {"Fn::GetAtt": ["HookFunction", "Arn"]}),
    ("outputs", ("Outputs", "TableName", "Value"), {"Ref": "TableName"}),
]

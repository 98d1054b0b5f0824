"""Broken copies of the synthesised templates. Each names the check that has to find it, so that every check can fail."""

from mutation import REMOVED

P = "Properties"
STATEMENT = (0, "PolicyDocument", "Statement", 0)
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
# What CDK's `logRetention` would add.
LOG_RETENTION = {"Type": "AWS::Lambda::Function", P: {"Handler": "index.handler"}}


def of(name, *rest):
    return ("Resources", name, P, *rest)


# The check, the case, the path of a value, and its replacement.
AUTHORIZER = [
    ("permission", "nothing given", of("AuthorizerPermission", "Principal"), "*"),
    ("permission", "nothing given", of("AuthorizerPermission", "SourceAccount"), REMOVED),
    ("permission", "nothing given", of("AuthorizerPermission", "SourceArn"), {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}),
    ("permission", "nothing given", of("AuthorizerPermission", "FunctionName"), {"Ref": "AuthorizerFunction"}),
    ("alias", "nothing given", of("Authorizer", "AuthorizerFunctionArn"), {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}),
    ("alias", "nothing given", of("AuthorizerFunctionAliaslive", "Name"), "prod"),
    ("alias", "nothing given", of("AuthorizerFunctionAliaslive", "FunctionVersion"), "$LATEST"),
    ("alias", "a canary, kept warm, traced", of("AuthorizerFunctionAliaslive", "ProvisionedConcurrencyConfig"), REMOVED),
    ("authorizer", "everything", of("Authorizer", "SigningDisabled"), True),
    ("authorizer", "everything", of("Authorizer", "TokenSigningPublicKeys", "second"), REMOVED),
    ("authorizer", "minimal", of("Authorizer", "Status"), "ACTIVE"),
    ("authorizer", "minimal", of("Authorizer", "EnableCachingForHttp"), True),
    ("function", "nothing given", of("AuthorizerFunction", "Timeout"), 3),
    ("function", "nothing given", of("AuthorizerFunction", "MemorySize"), 128),
    ("function", "nothing given", of("AuthorizerFunction", "LoggingConfig", "LogGroup"), REMOVED),
    ("function", "its own secret", of("AuthorizerFunction", "Environment"), REMOVED),
    ("function", "minimal", of("AuthorizerFunction", "ReservedConcurrentExecutions"), REMOVED),
    ("function", "nothing given", ("Resources", "LogRetention"), LOG_RETENTION),
    ("logs", "nothing given", of("AuthorizerLogs", "RetentionInDays"), 731),
    ("logs", "nothing given", ("Resources", "AuthorizerLogs", "DeletionPolicy"), "Delete"),
    ("role", "nothing given", of("AuthorizerRole", "ManagedPolicyArns"), [BASIC]),
    ("role", "nothing given", of("AuthorizerRole", "Policies", *STATEMENT, "Action"), ["logs:CreateLogGroup", "logs:PutLogEvents"]),
    ("role", "a given secret with a key of its own", of("AuthorizerRole", "Policies", 2, *STATEMENT[1:], "Condition"), REMOVED),
    ("role", "a canary, kept warm, traced", of("AuthorizerRole", "Policies", 1), REMOVED),
    ("stars", "nothing given", of("AuthorizerRole", "Policies", *STATEMENT, "Resource"), "*"),
    ("stars", "its own secret", of("AuthorizerRole", "Policies", 1, *STATEMENT[1:], "Action"), "secretsmanager:*"),
    ("deployment", "everything", of("AuthorizerFunctionDeploymentGroup", "AlarmConfiguration", "Alarms", 0), REMOVED),
    ("deployment", "everything", of("AuthorizerFunctionDeploymentGroup", "DeploymentConfigName"), "CodeDeployDefault.LambdaAllAtOnce"),
    ("deployment", "everything", ("Resources", "AuthorizerFunctionAliaslive", "UpdatePolicy"), {}),
    ("deployment", "everything", of("DeploymentRole", "ManagedPolicyArns", 0), "arn:aws:iam::aws:policy/AdministratorAccess"),
    ("deployment", "nothing given", ("Resources", "ServiceRole"), {"Type": "AWS::IAM::Role", P: {}}),
    ("alarms", "everything", of("ErrorsAlarm", "AlarmActions"), REMOVED),
    ("alarms", "everything", of("DurationAlarm", "Threshold"), 1000),
    ("alarms", "nothing given", of("ErrorsAlarm", "TreatMissingData"), "missing"),
    ("alarms", "nothing given", of("KeysUnavailableAlarm", "Dimensions", 1), REMOVED),
    ("alarms", "nothing given", ("Resources", "ThrottlesAlarm", "Type"), "AWS::CloudWatch::CompositeAlarm"),
    ("dashboard", "nothing given", ("Resources", "AuthorizerDashboard", "Type"), "AWS::CloudWatch::Alarm"),
    ("dashboard", "nothing given", of("AuthorizerDashboard", "DashboardBody"), '{"widgets": []}'),
    ("secret", "its own secret", of("KeysSecret", "GenerateSecretString"), {"PasswordLength": 32}),
    ("secret", "its own secret", of("KeysSecret", "ReplicaRegions"), REMOVED),
    ("secret", "its own secret", of("KeysSecretPolicy", "ResourcePolicy", "Statement", 0, "Effect"), "Allow"),
    ("secret", "its own secret", of("AuthorizerRole", "Path"), "/"),
    ("domain", "everything", of("Domain", "AuthorizerConfig", "AllowAuthorizerOverride"), True),
    ("domain", "everything", of("Domain", "ServerCertificateArns"), []),
    ("outputs", "nothing given", ("Outputs", "AliasArn", "Value"), {"Ref": "AuthorizerFunction"}),
    ("outputs", "everything", ("Outputs", "KeysSecretArn"), REMOVED),
]

PROVISIONING = [
    ("functions", "jitr", of("JitrFunction", "DeadLetterConfig"), REMOVED),
    ("functions", "hook", of("HookFunction", "Timeout"), 60),
    ("functions", "stopped", of("ClaimFunction", "ReservedConcurrentExecutions"), REMOVED),
    ("retries", "jitr", of("JitrFunctionEventInvokeConfig", "MaximumRetryAttempts"), 0),
    ("retries", "claim", ("Resources", "ClaimFunctionEventInvokeConfig"), REMOVED),
    ("roles", "jitr", of("JitrRole", "ManagedPolicyArns"), [BASIC]),
    ("roles", "claim", of("ClaimRole", "Policies", 3), REMOVED),
    ("roles", "hook", of("HookRole", "Policies", *STATEMENT, "Resource"), "*"),
    ("roles", "a template without a function", of("ProvisioningRole", "ManagedPolicyArns", 0), "arn:aws:iam::aws:policy/AWSIoTFullAccess"),
    ("trust", "jitr", of("RuleRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"), REMOVED),
    ("trust", "hook", of("ProvisioningRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"), REMOVED),
    ("stars", "jitr", of("JitrRole", "Policies", 1, *STATEMENT[1:], "Action"), "iot:*"),
    ("stars", "claim", of("ClaimRole", "Policies", 1, *STATEMENT[1:], "Resource"), "*"),
    ("permissions", "jitr", of("JitrPermission", "SourceAccount"), REMOVED),
    ("permissions", "hook", of("HookPermission", "SourceArn"), {"Fn::GetAtt": ["FleetTemplate", "Arn"]}),
    ("permissions", "everything", ("Resources", "SecondJitrPermission"), REMOVED),
    ("rules", "claim", of("ClaimRule", "TopicRulePayload", "Sql"), "SELECT * FROM 'bootstrap/+/request'"),
    ("rules", "jitr", of("JitrRule", "TopicRulePayload", "ErrorAction"), REMOVED),
    ("everything", "claim", of("ClaimRule", "TopicRulePayload", "Sql"), "SELECT * FROM 'bootstrap/+/request'"),
    ("provisioning", "hook", of("FleetTemplate", "PreProvisioningHook"), REMOVED),
    ("provisioning", "hook", ("Resources", "FleetTemplate", "DependsOn"), REMOVED),
    ("provisioning", "a template without a function", of("JitpTemplate", "TemplateType"), "FLEET_PROVISIONING"),
    ("kept", "claim", of("DevicesTable", "PointInTimeRecoverySpecification"), REMOVED),
    ("kept", "claim", ("Resources", "DevicesTable", "DeletionPolicy"), "Delete"),
    ("kept", "jitr", of("FailedEvents", "SqsManagedSseEnabled"), False),
    ("alarms", "everything", of("HookErrorsAlarm", "OKActions"), REMOVED),
    ("alarms", "jitr", of("JitrDenialsAlarm", "Threshold"), 100),
    ("outputs", "claim", ("Outputs", "TableName"), REMOVED),
    ("outputs", "jitr", ("Outputs", "FailedEventsUrl", "Value"), {"Fn::GetAtt": ["FailedEvents", "Arn"]}),
]

"""Broken copies of template.yaml. Each names the check that has to find it, so that every check can fail."""

from mutation import REMOVED, replaced

P = "Properties"
FUNCTION = ("Resources", "AuthorizerFunction", P)
AUTHORIZER = ("Resources", "Authorizer", P)
PERMISSION = ("Resources", "AuthorizerPermission", P)
POLICIES = ("Resources", "AuthorizerRole", P, "Policies")
STATEMENT = ("PolicyDocument", "Statement", 0)
LOG = (*POLICIES, 0, *STATEMENT)
KEYS = (*POLICIES, 1, "Fn::If", 1, *STATEMENT)
KMS = (*POLICIES, 2, "Fn::If", 1, *STATEMENT)
ALARMS = (*FUNCTION, "DeploymentPreference", "Alarms")
BODY = ("Resources", "AuthorizerDashboard", P, "DashboardBody", "Fn::Sub")
SECRET_POLICY = ("Resources", "KeysSecretPolicy", P, "ResourcePolicy", "Statement", 0)


def alarm(name, *rest):
    return ("Resources", f"{name}Alarm", P, *rest)


# The check, the path of a value, and its replacement.
MUTATIONS = [
    ("permission", (*PERMISSION, "Principal"), "*"),
    ("permission", (*PERMISSION, "Principal"), "lambda.amazonaws.com"),
    ("permission", (*PERMISSION, "SourceArn"), REMOVED),
    ("permission", (*PERMISSION, "SourceArn"), {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}),
    ("permission", (*PERMISSION, "SourceArn"), {"Fn::Sub": "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:authorizer/*"}),
    ("permission", (*PERMISSION, "SourceAccount"), REMOVED),
    ("permission", (*PERMISSION, "Action"), "lambda:*"),
    ("permission", (*PERMISSION, "FunctionName"), {"Ref": "AuthorizerFunction"}),
    ("alias", (*AUTHORIZER, "AuthorizerFunctionArn"), {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}),
    ("alias", (*FUNCTION, "AutoPublishAlias"), "prod"),
    ("alias", (*FUNCTION, "ProvisionedConcurrencyConfig"), REMOVED),
    ("authorizer", (*AUTHORIZER, "Status"), "INACTIVE"),
    ("authorizer", (*AUTHORIZER, "SigningDisabled"), False),
    ("authorizer", (*AUTHORIZER, "EnableCachingForHttp"), "true"),
    ("authorizer", (*AUTHORIZER, "TokenKeyName"), "token"),
    ("authorizer", (*AUTHORIZER, "TokenSigningPublicKeys", "Fn::If", 1, "first"), {"Ref": "SigningPublicKey"}),
    ("authorizer", (*AUTHORIZER, "TokenSigningPublicKeys", "Fn::If", 1, "second"), REMOVED),
    ("authorizer", (*AUTHORIZER, "AuthorizerName"), REMOVED),
    ("function", (*FUNCTION, "Timeout"), 10),
    ("function", (*FUNCTION, "Runtime"), "provided.al2"),
    ("function", (*FUNCTION, "Architectures"), ["x86_64"]),
    ("function", (*FUNCTION, "MemorySize"), "1024"),
    ("function", (*FUNCTION, "Tracing"), "Active"),
    ("function", (*FUNCTION, "Environment"), REMOVED),
    ("function", (*FUNCTION, "ReservedConcurrentExecutions"), REMOVED),
    ("function", (*FUNCTION, "LoggingConfig", "LogFormat"), "Text"),
    ("function", (*FUNCTION, "LoggingConfig", "LogGroup"), REMOVED),
    ("logs", ("Resources", "AuthorizerLogs", P, "RetentionInDays"), REMOVED),
    ("logs", ("Resources", "AuthorizerLogs", "DeletionPolicy"), "Delete"),
    ("role", (*LOG, "Action"), ["logs:CreateLogStream", "logs:PutLogEvents", "logs:CreateLogGroup"]),
    ("role", (*LOG, "Resource"), {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"}),
    ("role", (*KEYS, "Action"), ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]),
    ("role", (*KEYS, "Resource"), {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*"}),
    ("role", (*KMS, "Condition"), REMOVED),
    ("role", (*KMS, "Action"), ["kms:Decrypt", "kms:Encrypt"]),
    ("role", (*POLICIES, 3, "Fn::If", 0), "HasSecret"),
    ("role", ("Resources", "AuthorizerRole", P, "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]),
    ("role", ("Resources", "AuthorizerRole", P, "AssumeRolePolicyDocument", "Statement", 0, "Principal"), {"Service": "*"}),
    ("stars", (*LOG, "Resource"), "*"),
    ("stars", (*KEYS, "Resource"), "*"),
    ("stars", (*KMS, "Resource"), "*"),
    ("stars", (*KEYS, "Action"), "secretsmanager:*"),
    ("stars", (*SECRET_POLICY, "Effect"), "Allow"),
    ("deployment", (*ALARMS, 0), REMOVED),
    ("deployment", (*ALARMS, 2), {"Ref": "ThrottlesAlarm"}),
    ("deployment", (*FUNCTION, "DeploymentPreference", "Role"), REMOVED),
    ("deployment", (*FUNCTION, "DeploymentPreference", "Type"), "Canary10Percent5Minutes"),
    ("deployment", (*FUNCTION, "DeploymentPreference", "Enabled"), True),
    ("deployment", (*FUNCTION, "DeploymentPreference", "Enabled"), False),
    ("deployment", ("Mappings", "Deployments", "AllAtOnce", "Gradual"), "true"),
    ("deployment", ("Mappings", "Deployments", "Canary10Percent5Minutes", "Gradual"), "false"),
    ("deployment", ("Resources", "DeploymentRole", P, "ManagedPolicyArns", 0), "arn:aws:iam::aws:policy/AdministratorAccess"),
    ("deployment", ("Resources", "DeploymentRole", P, "AssumeRolePolicyDocument", "Statement", 0, "Principal"), {"Service": "lambda.amazonaws.com"}),
    ("alarms", alarm("Errors", "MetricName"), "errors"),
    ("alarms", alarm("Errors", "Dimensions", 1, "Value"), {"Fn::Sub": "${AuthorizerFunction}:prod"}),
    ("alarms", alarm("Errors", "TreatMissingData"), REMOVED),
    ("alarms", alarm("Errors", "AlarmActions"), REMOVED),
    ("alarms", alarm("Errors", "AlarmDescription"), "Calls failed."),
    ("alarms", alarm("Throttles", "AlarmDescription"), {"Fn::Sub": "Calls failed. What to do: ${DocsUrl}/deploy.md#alarm"}),
    ("alarms", alarm("Refusals", "AlarmDescription"), "Calls failed. What to do: other/deploy.md#alarms"),
    ("alarms", alarm("KeysUnavailable", "Namespace"), "iot_jwt_authorizer"),
    ("alarms", alarm("KeysUnavailable", "Dimensions", 1, "Value"), "key_unavailable"),
    ("alarms", alarm("KeysUnavailable", "Dimensions", 1), REMOVED),
    ("alarms", alarm("KeysUnavailable", "Dimensions", 0, "Name"), "FunctionName"),
    ("alarms", alarm("Refusals", "Metrics", 0, "MetricStat", "Metric", "MetricName"), "denied"),
    ("alarms", alarm("Refusals", "Metrics", 0, "ReturnData"), True),
    ("alarms", alarm("Refusals", "Metrics", 2, "Expression", "Fn::Sub"), replaced("calls", "invocations")),
    ("alarms", alarm("Refusals", "Threshold"), "90"),
    ("alarms", alarm("Duration", "ExtendedStatistic"), "p50"),
    ("alarms", alarm("Duration", "Threshold"), "5000"),
    ("alarms", alarm("Throttles", "MetricName"), "Throttled"),
    ("alarms", alarm("StaleKeys", "Statistic"), "Maximum"),
    ("alarms", alarm("StaleKeys", "DatapointsToAlarm"), 1),
    ("alarms", alarm("StaleKeys", "MetricName"), "key_age"),
    ("alarms", alarm("KeyRefreshes", "OKActions"), REMOVED),
    ("dashboard", BODY, replaced('"allowed"', '"admitted"')),
    ("dashboard", BODY, replaced('"cold_starts", "function"', '"cold_starts", "FunctionName"')),
    ("dashboard", BODY, replaced('MetricName=\\"refused\\"', 'MetricName=\\"denied\\"')),
    ("dashboard", BODY, replaced("${StaleKeysAlarm.Arn}", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:other")),
    ("dashboard", BODY, replaced("${AuthorizerLogs}", "/aws/lambda/${AuthorizerFunction}")),
    ("dashboard", ("Resources", "AuthorizerDashboard", "Condition"), REMOVED),
    ("secret", (*SECRET_POLICY, "Action"), "secretsmanager:*"),
    ("secret", (*SECRET_POLICY, "Condition"), REMOVED),
    ("secret", (*SECRET_POLICY, "Condition"), {"ArnNotLike": {"aws:PrincipalArn": "*"}}),
    ("secret", ("Resources", "AuthorizerRole", P, "Path"), "/other/"),
    ("secret", ("Resources", "KeysSecret", P, "ReplicaRegions"), REMOVED),
    ("secret", ("Resources", "KeysSecret", P, "KmsKeyId"), REMOVED),
    ("secret", ("Resources", "KeysSecret", P, "GenerateSecretString"), {}),
    ("secret", ("Resources", "KeysSecretPolicy", P, "BlockPublicPolicy"), False),
    ("secret", ("Resources", "KeysSecret", "Condition"), REMOVED),
    ("domain", ("Resources", "Domain", "Condition"), REMOVED),
    ("domain", ("Resources", "Domain", P, "AuthorizerConfig", "DefaultAuthorizerName"), "other"),
    ("domain", ("Resources", "Domain", P, "AuthorizerConfig", "AllowAuthorizerOverride"), "true"),
    ("domain", ("Resources", "Domain", P, "AuthenticationType"), REMOVED),
    ("outputs", ("Outputs", "AuthorizerName"), REMOVED),
    ("outputs", ("Outputs", "AliasArn", "Value"), {"Ref": "AuthorizerFunction"}),
    ("outputs", ("Outputs", "Endpoint", "Value"), {"Ref": "DomainName"}),
    ("versions", (*FUNCTION, "Tracing"), {"Ref": "Tracing"}),
    ("versions", (*FUNCTION, "AutoPublishAliasAllProperties"), REMOVED),
]

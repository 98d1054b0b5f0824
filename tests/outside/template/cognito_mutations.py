"""Broken copies of deploy/cognito.yaml. Each names the check that has to find it, so that every check can fail."""

from mutation import REMOVED, replaced

P = "Properties"
OWN_CLIENT = "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:client/"


def resource(name, *rest):
    return ("Resources", name, P, *rest)


def person(policy, statement, *rest):
    """A statement of the people's role."""
    return resource("PersonRole", "Policies", policy, "PolicyDocument", "Statement", statement, *rest)


def attach(policy, statement, *rest):
    """A statement of the function's role."""
    return resource("AttachRole", "Policies", policy, "PolicyDocument", "Statement", statement, *rest)


def app(statement, *rest):
    """A statement of the AWS IoT policy."""
    return resource("AppPolicy", "PolicyDocument", "Statement", statement, *rest)


def trust(name, *rest):
    return resource(name, "AssumeRolePolicyDocument", "Statement", 0, *rest)


def any_of(kind, path):
    return {"Fn::Sub": "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s" % (kind, path)}


CONDITION = trust("PersonRole", "Condition")
PROVIDER = resource("IdentityPool", "CognitoIdentityProviders", 0)
FULL = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}

# The check, the path of a value, and its replacement.
MUTATIONS = [
    ("resources", ("Resources", "Second"), {"Type": "AWS::IAM::ManagedPolicy", P: {"PolicyDocument": {"Statement": [FULL]}, "Roles": [{"Ref": "PersonRole"}]}}),
    ("resources", ("Resources", "Second"), {
        "Type": "AWS::Lambda::Permission", P: {"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "AttachFunction"}, "Principal": "*"},
    }),
    ("resources", resource("AttachFunction", "FunctionUrlConfig"), {"AuthType": "NONE"}),
    ("resources", ("Resources", "UserPoolDomain"), REMOVED),
    ("user_pool", resource("UserPool", "AdminCreateUserConfig"), REMOVED),
    ("user_pool", resource("UserPool", "AdminCreateUserConfig", "AllowAdminCreateUserOnly"), False),
    ("user_pool", resource("UserPool", "AdminCreateUserConfig", "AllowAdminCreateUserOnly", "Fn::If", 0), "HasTopic"),
    ("user_pool", resource("UserPool", "UsernameConfiguration"), REMOVED),
    ("user_pool", resource("UserPool", "MfaConfiguration"), "OFF"),
    ("user_pool", resource("UserPool", "AutoVerifiedAttributes"), []),
    ("user_pool", resource("UserPool", "Policies", "PasswordPolicy", "MinimumLength"), 8),
    ("user_pool", resource("UserPoolDomain", "Domain"), "example"),
    ("client", resource("UserPoolClient", "GenerateSecret"), True),
    ("client", resource("UserPoolClient", "AllowedOAuthFlows"), ["code", "implicit"]),
    ("client", resource("UserPoolClient", "AllowedOAuthScopes"), ["openid", "aws.cognito.signin.user.admin"]),
    ("client", resource("UserPoolClient", "CallbackURLs", 0), "http://localhost"),
    ("client", resource("UserPoolClient", "CallbackURLs", 1), REMOVED),
    ("client", resource("UserPoolClient", "LogoutURLs", 1), {"Ref": "SecondAppUrl"}),
    ("client", resource("UserPoolClient", "ExplicitAuthFlows"), ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]),
    ("client", resource("UserPoolClient", "ExplicitAuthFlows"), REMOVED),
    ("client", resource("UserPoolClient", "PreventUserExistenceErrors"), REMOVED),
    ("client", resource("UserPoolClient", "EnableTokenRevocation"), False),
    ("client", resource("UserPoolClient", "TokenValidityUnits"), REMOVED),
    ("identity_pool", resource("IdentityPool", "AllowUnauthenticatedIdentities"), True),
    ("identity_pool", resource("IdentityPool", "AllowClassicFlow"), True),
    ("identity_pool", (*PROVIDER, "ServerSideTokenCheck"), False),
    ("identity_pool", (*PROVIDER, "ServerSideTokenCheck"), REMOVED),
    ("identity_pool", (*PROVIDER, "ClientId"), "other"),
    ("identity_pool", (*PROVIDER, "ProviderName"), {"Fn::GetAtt": ["UserPool", "ProviderURL"]}),
    ("identity_pool", resource("IdentityPool", "SupportedLoginProviders"), {"accounts.google.com": "client"}),
    ("identity_pool", resource("IdentityPool", "DeveloperProviderName"), "login.example"),
    ("identity_pool", resource("IdentityPoolRoles", "Roles", "unauthenticated"), {"Fn::GetAtt": ["PersonRole", "Arn"]}),
    ("identity_pool", resource("IdentityPoolRoles", "Roles", "authenticated"), {"Fn::GetAtt": ["AttachRole", "Arn"]}),
    ("trust", CONDITION, REMOVED),
    ("trust", (*CONDITION, "StringEquals"), REMOVED),
    ("trust", (*CONDITION, "ForAnyValue:StringLike"), REMOVED),
    ("trust", (*CONDITION, "StringEquals", "cognito-identity.amazonaws.com:aud"), {"Fn::Sub": "${AWS::Region}:*"}),
    ("trust", (*CONDITION, "ForAnyValue:StringLike", "cognito-identity.amazonaws.com:amr"), ["authenticated", "unauthenticated"]),
    ("trust", trust("PersonRole", "Principal"), {"Federated": "*"}),
    ("trust", trust("PersonRole", "Principal"), {"AWS": "*"}),
    ("trust", trust("PersonRole", "Action"), ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]),
    ("trust", trust("AttachRole", "Principal"), {"Service": "*"}),
    ("trust", trust("AttachRole", "Principal"), {"Service": "lambda.amazonaws.com", "Federated": "cognito-identity.amazonaws.com"}),
    ("roles", person(0, 0, "Resource", 1), any_of("iot", "client/*")),
    ("roles", person(0, 0, "Resource", 1, "Fn::Sub"), replaced("-*", "*")),
    ("roles", person(0, 0, "Resource", 1), REMOVED),
    ("roles", person(0, 0, "Action"), ["iot:Connect", "iot:AttachPolicy"]),
    ("roles", person(0, 1, "Resource"), any_of("iot", "topic/apps/*")),
    ("roles", person(0, 1, "Action"), ["iot:Publish", "iot:Receive", "iot:RetainPublish"]),
    ("roles", person(0, 2, "Resource"), any_of("iot", "topicfilter/*")),
    ("roles", person(0, 2, "Resource"), any_of("iot", "topic/apps/${!cognito-identity.amazonaws.com:sub}/*")),
    ("roles", person(1, 0, "Action"), ["lambda:InvokeFunction", "iot:AttachPolicy"]),
    ("roles", person(1, 0, "Action"), ["lambda:InvokeFunction", "lambda:UpdateFunctionCode"]),
    ("roles", person(1, 0, "Resource"), any_of("lambda", "function:*")),
    ("roles", person(1, 0, "Resource"), "*"),
    ("roles", person(1, 0, "Condition"), {"Bool": {"aws:SecureTransport": "true"}}),
    ("roles", resource("PersonRole", "Policies", 1), REMOVED),
    ("roles", resource("PersonRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/AWSIoTDataAccess"]),
    ("roles", resource("PersonRole", "PermissionsBoundary"), "arn:aws:iam::aws:policy/AWSIoTDataAccess"),
    ("roles", attach(0, 0, "Resource"), any_of("logs", "*")),
    ("roles", attach(1, 0, "Action"), ["iot:AttachPolicy", "iot:DetachPolicy"]),
    ("roles", attach(1, 0, "Action"), ["iot:AttachPolicy", "iot:CreatePolicy"]),
    ("roles", attach(1, 1), REMOVED),
    ("roles", attach(1, 1, "Effect"), "Allow"),
    ("roles", attach(1, 1, "Resource", 1), REMOVED),
    ("roles", attach(1, 1, "Resource", 0), any_of("iot", "cert/*")),
    ("roles", attach(1, 1, "Condition"), {"Bool": {"aws:SecureTransport": "false"}}),
    ("roles", resource("AttachRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/AWSIoTFullAccess"]),
    ("own", person(0, 0, "Resource", 0), {"Fn::Sub": OWN_CLIENT + "*"}),
    ("own", person(0, 0, "Resource", 0), {"Fn::Sub": OWN_CLIENT + "${!iot:ClientId}"}),
    ("own", person(0, 0, "Resource", 1, "Fn::Sub"), replaced("-*", "*")),
    ("own", person(0, 1, "Resource"), "*"),
    ("own", person(0, 1, "Resource", "Fn::Sub"), replaced("apps/", "*/")),
    ("own", person(0, 1, "Action"), "iot:*"),
    ("own", person(0, 2, "Action"), ["iot:Subscribe", "iot:AttachPolicy"]),
    ("own", person(0, 2), {"Effect": "Allow", "NotAction": "iam:*", "Action": "iot:Subscribe", "Resource": "*"}),
    ("own", app(0, "Resource", 0), any_of("iot", "client/*")),
    ("own", app(1, "Resource", "Fn::Sub"), replaced("${!cognito-identity.amazonaws.com:sub}", "*")),
    ("own", app(2, "Resource"), "*"),
    ("policy", app(0, "Resource", 1), REMOVED),
    ("policy", app(1, "Action"), ["iot:Publish", "iot:Receive", "iot:GetThingShadow"]),
    ("policy", app(1, "Resource", "Fn::Sub"), replaced("${AWS::AccountId}", "*")),
    ("policy", app(2, "Effect"), "Deny"),
    ("policy", resource("AppPolicy", "PolicyName"), "app"),
    ("policy", resource("AppPolicy", "PolicyName"), REMOVED),
    ("shipped_role", person(0, 1, "Action"), ["iot:Publish", "iot:Receive", "iot:RetainPublish"]),
    ("shipped_role", person(0, 2, "Resource", "Fn::Sub"), replaced("apps/", "people/")),
    ("shipped_role", person(1, 0), REMOVED),
    ("shipped_role", (*CONDITION, "ForAnyValue:StringLike"), REMOVED),
    ("function", resource("AttachFunction", "Handler"), "claim"),
    ("function", resource("AttachFunction", "Runtime"), "provided.al2"),
    ("function", resource("AttachFunction", "Timeout"), 60),
    ("function", resource("AttachFunction", "Architectures"), ["x86_64"]),
    ("function", resource("AttachFunction", "MemorySize"), 1024),
    ("function", resource("AttachFunction", "Role"), {"Fn::GetAtt": ["PersonRole", "Arn"]}),
    ("function", resource("AttachFunction", "Environment"), {"Variables": {"PROVISION_CONFIG": "other.toml"}}),
    ("function", resource("AttachFunction", "ReservedConcurrentExecutions"), REMOVED),
    ("function", resource("AttachFunction", "LoggingConfig", "LogFormat"), "Text"),
    ("kept", resource("AttachLogs", "RetentionInDays"), REMOVED),
    ("kept", ("Resources", "AttachLogs", "DeletionPolicy"), "Delete"),
    ("kept", ("Resources", "UserPool", "DeletionPolicy"), REMOVED),
    ("kept", ("Resources", "UserPool", "UpdateReplacePolicy"), "Delete"),
    ("kept", ("Resources", "IdentityPool", "DeletionPolicy"), "Delete"),
    ("alarms", resource("AttachErrorsAlarm", "AlarmDescription"), "Calls failed."),
    ("alarms", resource("AttachErrorsAlarm", "AlarmDescription", "Fn::Sub"), replaced("#alarms", "#alarm")),
    ("alarms", resource("AttachErrorsAlarm", "Dimensions", 0, "Value"), "attach"),
    ("alarms", resource("AttachErrorsAlarm", "TreatMissingData"), "breaching"),
    ("alarms", resource("AttachErrorsAlarm", "OKActions"), REMOVED),
    ("outputs", ("Outputs", "LoginUrl"), REMOVED),
    ("outputs", ("Outputs", "IdentityPoolId", "Value"), {"Ref": "UserPool"}),
    ("outputs", ("Outputs", "RoleArn", "Value"), {"Fn::GetAtt": ["AttachRole", "Arn"]}),
    ("package", resource("AttachFunction", "CodeUri"), "../provision"),
    ("package", ("Resources", "AttachFunction", "Metadata"), REMOVED),
    ("package", ("Parameters", "PolicyName", "Default"), "people"),
]

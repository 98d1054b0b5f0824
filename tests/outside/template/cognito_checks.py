"""What holds for every deployment of deploy/cognito.yaml. Each check takes a stack and yields its errors."""

import json
import re
import tomllib

from checks import differs, only, runbook, statements
from lib.paths import ROOT

ARN = "arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:{}"
IDENTITY = "${cognito-identity.amazonaws.com:sub}"
FUNCTION = "<AttachFunction.Arn>"
# What a person may do. The IAM role and the AWS IoT policy both have it, since both must allow it.
MESSAGES = [
    ("iot:Connect", [ARN.format(f"client/{IDENTITY}"), ARN.format(f"client/{IDENTITY}-*")]),
    (["iot:Publish", "iot:Receive"], ARN.format(f"topic/apps/{IDENTITY}/*")),
    ("iot:Subscribe", ARN.format(f"topicfilter/apps/{IDENTITY}/*")),
]
EVERY = "arn:<AWS::Partition>:iot:*:*:{}"


def granted(document):
    """The statements of a policy, as effect, actions and resources. One with a further member is marked."""
    return [(one["Effect"], one["Action"], one["Resource"], *(set(one) - {"Effect", "Action", "Resource"})) for one in document["Statement"]]


def allowed(rows):
    return [("Allow", actions, resources) for actions, resources in rows]


def resources(stack):
    """Nothing else is created, so that nothing else gives rights."""
    yield from differs("the types", sorted(resource["Type"] for resource in stack.resources.values()), sorted([
        "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolDomain", "AWS::Cognito::UserPoolClient", "AWS::Cognito::IdentityPool",
        "AWS::Cognito::IdentityPoolRoleAttachment", "AWS::IAM::Role", "AWS::IAM::Role", "AWS::IoT::Policy", "AWS::Lambda::Function", "AWS::Logs::LogGroup",
        "AWS::CloudWatch::Alarm",
    ]))


def user_pool(stack):
    found = only(stack, "AWS::Cognito::UserPool")
    is_open = stack.values["SelfSignUp"] == "true"
    for name, wanted in {
        "UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": False},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": not is_open}, "MfaConfiguration": "OPTIONAL", "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]}, "LambdaConfig": None,
    }.items():
        yield from differs(f"the user pool's {name}", found.get(name), wanted)
    if found["Policies"]["PasswordPolicy"]["MinimumLength"] < 12:
        yield "short passwords"
    domain = {"Domain": stack.values["LoginDomainPrefix"], "UserPoolId": "<UserPool>"}
    yield from differs("the domain", only(stack, "AWS::Cognito::UserPoolDomain"), domain)


def client(stack):
    """A public client with the code flow, which sends people to the app's own addresses only."""
    given = stack.values
    addresses = [url for url in (given["AppUrl"], given["SecondAppUrl"]) if url]
    yield from differs("the client", only(stack, "AWS::Cognito::UserPoolClient"), {
        "UserPoolId": "<UserPool>", "GenerateSecret": False, "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["code"],
        "AllowedOAuthScopes": ["openid"], "SupportedIdentityProviders": ["COGNITO"], "CallbackURLs": addresses, "LogoutURLs": addresses,
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], "PreventUserExistenceErrors": "ENABLED", "EnableTokenRevocation": True,
        "IdTokenValidity": 60, "AccessTokenValidity": 60, "RefreshTokenValidity": 30,
        "TokenValidityUnits": {"IdToken": "minutes", "AccessToken": "minutes", "RefreshToken": "days"},
    })


def identity_pool(stack):
    """People of this user pool and this client, one role, no guests, no classic flow."""
    yield from differs("the identity pool", only(stack, "AWS::Cognito::IdentityPool"), {
        "AllowUnauthenticatedIdentities": False, "AllowClassicFlow": False,
        "CognitoIdentityProviders": [{"ClientId": "<UserPoolClient>", "ProviderName": "<UserPool.ProviderName>", "ServerSideTokenCheck": True}],
    })
    yield from differs("the identity pool's roles", only(stack, "AWS::Cognito::IdentityPoolRoleAttachment"), {
        "IdentityPoolId": "<IdentityPool>", "Roles": {"authenticated": "<PersonRole.Arn>"},
    })


def trust(stack):
    """Identities of this pool that have logged in take the people's role, Lambda the function's."""
    person, function = (stack.resources[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"] for name in ("PersonRole", "AttachRole"))
    yield from differs("who takes the people's role", person, [{
        "Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {"cognito-identity.amazonaws.com:aud": "<IdentityPool>"},
            "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
        },
    }])
    yield from differs("who takes the function's role", function, [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}])


def roles(stack):
    """Exactly these actions on exactly these resources."""
    targets = [EVERY.format("cert/*"), EVERY.format("thinggroup/*")]
    wanted = {
        "PersonRole": allowed([*MESSAGES, ("lambda:InvokeFunction", FUNCTION)]),
        "AttachRole": [
            *allowed([(["logs:CreateLogStream", "logs:PutLogEvents"], "<AttachLogs.Arn>"), ("iot:AttachPolicy", "*")]),
            ("Deny", "iot:AttachPolicy", targets),
        ],
    }
    yield from differs("the roles", set(stack.of_type("AWS::IAM::Role")), set(wanted))
    for name, expected in wanted.items():
        role = stack.resources[name]["Properties"]
        yield from differs(f"{name}'s members", set(role), {"AssumeRolePolicyDocument", "Policies"})
        found = [row for policy in role["Policies"] for row in granted(policy["PolicyDocument"])]
        yield from differs(f"{name}'s permissions", found, expected)


def own(stack):
    """Each action of a person on AWS IoT names the person's identity, and none of them attaches policies."""
    role, policy = stack.resources["PersonRole"]["Properties"]["Policies"], only(stack, "AWS::IoT::Policy")["PolicyDocument"]
    for path, statement in statements([role, policy]):
        actions, targets = ([one] if isinstance(one, str) else one for one in (statement["Action"], statement["Resource"]))
        if any("*" in action or "Policy" in action for action in actions) or {"NotAction", "NotResource"} & set(statement):
            yield f"{path}: {actions}"
        for target in targets if actions != ["lambda:InvokeFunction"] else []:
            levels = re.split("[:/]", target.replace(IDENTITY, "IDENTITY").removesuffix("-*"))
            if "IDENTITY" not in levels or "*" in levels[:levels.index("IDENTITY")]:
                yield f"{path}: {target} is not the person's own"


def policy(stack):
    """The AWS IoT policy is provision/policies/app.json for this account and Region, under the name that attach uses."""
    found = only(stack, "AWS::IoT::Policy")
    shipped = json.loads((ROOT / "provision/policies/app.json").read_text().replace("arn:aws:iot:*:*:", ARN.format("")))
    yield from differs("the policy", found, {"PolicyName": stack.values["PolicyName"], "PolicyDocument": shipped})
    yield from differs("its permissions", granted(found["PolicyDocument"]), allowed(MESSAGES))


def shipped_role(stack):
    """The people's role is that of `cargo local`, roles/app.json, for this account, Region, pool and function."""
    shipped = (ROOT / "roles/app.json").read_text()
    for pattern, here in {
        "arn:aws:iot:*:*:": ARN.format(""), "arn:aws:lambda:*:*:function:attach": FUNCTION, "*:00000000-0000-4000-8000-000000000001": "<IdentityPool>",
        '"StringLike": { "cognito-identity.amazonaws.com:aud"': '"StringEquals": { "cognito-identity.amazonaws.com:aud"',
    }.items():
        shipped = shipped.replace(pattern, here)
    role, shipped = stack.resources["PersonRole"]["Properties"], json.loads(shipped)
    yield from differs("the people's trust policy", role["AssumeRolePolicyDocument"], shipped["trust"])
    found = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    yield from differs("the people's permissions", found, shipped["policy"]["Statement"])


def function(stack):
    given = stack.values
    found = only(stack, "AWS::Lambda::Function")
    for member, value in {
        "Handler": "attach", "Runtime": "provided.al2023", "Architectures": [given["Architecture"]], "MemorySize": given["MemorySize"], "Timeout": 10,
        "Role": "<AttachRole.Arn>", "Environment": None, "ReservedConcurrentExecutions": given["ReservedConcurrency"] if given["ReservedConcurrency"] != "-1" else None,
        "LoggingConfig": {"LogGroup": "<AttachLogs>", "LogFormat": "JSON", "ApplicationLogLevel": given["LogLevel"], "SystemLogLevel": "WARN"},
    }.items():
        yield from differs(f"the function's {member}", found.get(member), value)


def kept(stack):
    """What the next deployment needs: the people, their identities, and the records."""
    yield from differs("the log", only(stack, "AWS::Logs::LogGroup"), {"RetentionInDays": stack.values["LogRetentionDays"]})
    for name in ("UserPool", "IdentityPool", "AttachLogs"):
        resource = stack.resources[name]
        yield from differs(f"{name}'s deletion", [resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")], ["RetainExceptOnCreate", "Retain"])


def alarms(stack):
    topic = stack.values["AlarmTopicArn"]
    found = dict(only(stack, "AWS::CloudWatch::Alarm"))
    yield from runbook("the alarm", found.pop("AlarmDescription"), stack.values["DocsUrl"])
    actions = {"AlarmActions": [topic], "OKActions": [topic]} if topic else {}
    yield from differs("the alarm", found, {
        "Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": "<AttachFunction>"}], "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching", **actions,
    })


def outputs(stack):
    yield from differs("the outputs", dict(stack.outputs), {
        "UserPoolId": "<UserPool>", "Issuer": "<UserPool.ProviderURL>", "ClientId": "<UserPoolClient>",
        "LoginUrl": f"https://{stack.values['LoginDomainPrefix']}.auth.<AWS::Region>.amazoncognito.com", "IdentityPoolId": "<IdentityPool>",
        "RoleArn": "<PersonRole.Arn>", "PolicyName": "<AppPolicy>", "AttachFunctionName": "<AttachFunction>", "LogGroup": "<AttachLogs>",
    })


def package(template):
    """The function is the package of provision/, and its configuration attaches the policy of the default name."""
    function = template["Resources"]["AttachFunction"]
    yield from differs("the code", [function["Properties"]["CodeUri"], function.get("Metadata")], ["..", {"BuildMethod": "makefile"}])
    if not re.search(r"^build-JitrFunction .*\bbuild-AttachFunction:$", (ROOT / "Makefile").read_text(), re.M):
        yield "the Makefile does not build the function as those of provision/template.yaml"
    configuration = tomllib.loads((ROOT / "provision/provision.toml").read_text())
    yield from differs("the policy's name", template["Parameters"]["PolicyName"]["Default"], configuration["cognito"]["policy"])


CHECKS = [resources, user_pool, client, identity_pool, trust, roles, own, policy, shipped_role, function, kept, alarms, outputs]

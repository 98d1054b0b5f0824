"""What holds for every deployment. Each check takes a stack and yields its errors."""

import json
import re

from lib.paths import ROOT

LINE = json.loads((ROOT / "tests/outside/template/line.json").read_text())
CODES = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/codes.md").read_text(), re.M))

FUNCTION, ALIAS = "<AuthorizerFunction>", "<AuthorizerFunctionAliaslive>"
OF_FUNCTION = {"FunctionName": FUNCTION}
OF_ALIAS = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:live"}
LAMBDA = {"Errors": [OF_ALIAS], "Duration": [OF_ALIAS], "Invocations": [OF_ALIAS], "Throttles": [OF_FUNCTION], "ConcurrentExecutions": [OF_FUNCTION]}
ROLLBACK = ["<ErrorsAlarm>", "<KeysUnavailableAlarm>", "<RefusalsAlarm>", "<DurationAlarm>"]


def differs(what, found, wanted):
    if found != wanted:
        yield f"{what} is {found!r}, not {wanted!r}"


def only(stack, kind):
    found = list(stack.of_type(kind).values())
    if len(found) != 1:
        raise AssertionError(f"{len(found)} of {kind}")
    return found[0]["Properties"]


def permission(stack):
    """Only AWS IoT may call the alias, and only for this authorizer of this account."""
    yield from differs("the permission", only(stack, "AWS::Lambda::Permission"), {
        "Action": "lambda:InvokeFunction", "FunctionName": ALIAS, "Principal": "iot.amazonaws.com",
        "SourceArn": "<Authorizer.Arn>", "SourceAccount": "<AWS::AccountId>",
    })


def alias(stack):
    """Authorizer and permission name the alias of the published version."""
    properties = only(stack, "AWS::Lambda::Alias")
    version, = stack.of_type("AWS::Lambda::Version")
    yield from differs("the alias", [properties["Name"], properties["FunctionName"], properties["FunctionVersion"]], ["live", FUNCTION, f"<{version}.Version>"])
    yield from differs("the authorizer's function", only(stack, "AWS::IoT::Authorizer")["AuthorizerFunctionArn"], ALIAS)
    wanted = {"ProvisionedConcurrentExecutions": stack.values["ProvisionedConcurrency"]} if stack.values["ProvisionedConcurrency"] != "0" else None
    yield from differs("provisioned concurrency", properties.get("ProvisionedConcurrencyConfig"), wanted)


def authorizer(stack):
    given = stack.values
    properties = only(stack, "AWS::IoT::Authorizer")
    signed = given["TokenSigning"] == "on"
    yield from differs("the status", properties["Status"], given["AuthorizerStatus"])
    yield from differs("SigningDisabled", properties["SigningDisabled"], not signed)
    yield from differs("the token key", properties.get("TokenKeyName"), given["TokenKeyName"] or None)
    yield from differs("the name", properties.get("AuthorizerName"), given["AuthorizerName"] or None)
    yield from differs("caching", properties["EnableCachingForHttp"], given["CacheForHttp"])
    keys = [key.replace("\\n", "\n") for key in (given["SigningPublicKey"], given["SecondSigningPublicKey"]) if key]
    yield from differs("the signing keys", properties.get("TokenSigningPublicKeys"), dict(zip(("first", "second"), keys)) if signed else None)


def function(stack):
    given = stack.values
    properties = only(stack, "AWS::Lambda::Function")
    secret = given["KeysSecretArn"] or ("<KeysSecret>" if given["CreateKeysSecret"] == "true" else None)
    secrets = {"KEYS_SECRET": secret, "REVOCATION_SECRET": given["RevocationSecretArn"]}
    for name, wanted in {
        "Timeout": 5, "Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": [given["Architecture"]], "MemorySize": given["MemorySize"],
        "Role": "<AuthorizerRole.Arn>", "TracingConfig": {"Mode": given["Tracing"]}, "Environment": {"Variables": {name: value for name, value in secrets.items() if value}},
        "ReservedConcurrentExecutions": given["ReservedConcurrency"] if given["ReservedConcurrency"] != "-1" else None,
        "LoggingConfig": {
            "LogGroup": "<AuthorizerLogs>", "LogFormat": "JSON", "ApplicationLogLevel": given["LogLevel"], "SystemLogLevel": given["SystemLogLevel"],
        },
    }.items():
        yield from differs(name, properties.get(name), wanted)


def logs(stack):
    group = stack.resources["AuthorizerLogs"]
    yield from differs("the log group", group["Properties"], {"RetentionInDays": stack.values["LogRetentionDays"]})
    yield from differs("the log's deletion policy", [group["DeletionPolicy"], group["UpdateReplacePolicy"]], ["RetainExceptOnCreate", "Retain"])


def role(stack):
    """Exactly these actions on exactly these resources."""
    given = stack.values
    secret = given["KeysSecretArn"] or ("<KeysSecret>" if given["CreateKeysSecret"] == "true" else None)
    wanted = [(["logs:CreateLogStream", "logs:PutLogEvents"], "<AuthorizerLogs.Arn>", None)]
    if secret:
        wanted.append(("secretsmanager:GetSecretValue", secret, None))
    if secret and given["KeysSecretKmsKeyArn"]:
        region = given["KeysSecretArn"].split(":")[3] if given["KeysSecretArn"] else "<AWS::Region>"
        via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.<AWS::URLSuffix>"}}
        wanted.append(("kms:Decrypt", given["KeysSecretKmsKeyArn"], via))
    if given["Tracing"] == "Active":
        wanted.append((["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*", None))
    if given["RevocationSecretArn"]:
        wanted.append(("secretsmanager:GetSecretValue", given["RevocationSecretArn"], None))
    properties = stack.resources["AuthorizerRole"]["Properties"]
    yield from differs("the role's members", set(properties), {"Path", "AssumeRolePolicyDocument", "Policies"})
    found = [
        (statement["Action"], statement["Resource"], statement.get("Condition"))
        for policy in properties["Policies"] for statement in policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Allow"
    ]
    yield from differs("the role's permissions", found, wanted)
    yield from differs("the role's principals", trusted(properties), [("sts:AssumeRole", {"Service": "lambda.amazonaws.com"})])


def trusted(properties):
    return [(statement["Action"], statement["Principal"]) for statement in properties["AssumeRolePolicyDocument"]["Statement"]]


def statements(node, path=""):
    """All statements of all policies."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield path, node
        for key, value in node.items():
            yield from statements(value, f"{path}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from statements(value, f"{path}/{number}")


def stars(stack):
    """`*` is a resource only where AWS supports nothing narrower, and never an action."""
    for name, resource in stack.resources.items():
        for path, statement in statements(resource["Properties"]):
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            resources = statement.get("Resource", [])
            resources = [resources] if isinstance(resources, str) else resources
            if any("*" in action for action in actions) or "NotAction" in statement or "NotResource" in statement:
                yield f"{name}{path}: a wildcard in the actions"
            if any("*" in resource for resource in resources):
                traces = name == "AuthorizerRole" and all(action.startswith("xray:") for action in actions)
                own = name == "KeysSecretPolicy" and statement["Effect"] == "Deny"
                if not traces and not own:
                    yield f"{name}{path}: {resources}"


def deployment(stack):
    """With CodeDeploy: its own role, the alarms, rollback. Without it: none of these, so that no alarm blocks an
    urgent deployment."""
    gradual = stack.values["Deployment"] != "AllAtOnce"
    roles = {"AuthorizerRole"} | ({"DeploymentRole"} if gradual else set())
    yield from differs("the roles", set(stack.of_type("AWS::IAM::Role")), roles)
    kinds = {resource["Type"] for resource in stack.resources.values() if "CodeDeploy" in resource["Type"]}
    update = next(iter(stack.of_type("AWS::Lambda::Alias").values())).get("UpdatePolicy")
    if not gradual:
        yield from differs("CodeDeploy", [kinds, update], [set(), None])
        return
    properties = only(stack, "AWS::CodeDeploy::DeploymentGroup")
    yield from differs("the deployment", properties["DeploymentConfigName"], f"CodeDeployDefault.Lambda{stack.values['Deployment']}")
    yield from differs("the rollback", properties["AutoRollbackConfiguration"]["Enabled"], True)
    yield from differs("the alarms that roll back", [alarm["Name"] for alarm in properties["AlarmConfiguration"]["Alarms"]], ROLLBACK)
    yield from differs("CodeDeploy's role", properties["ServiceRoleArn"], "<DeploymentRole.Arn>")
    yield from differs("the alias's update", sorted(update), ["CodeDeployLambdaAliasUpdate"])
    role = stack.resources["DeploymentRole"]["Properties"]
    yield from differs("CodeDeploy's policies", role["ManagedPolicyArns"], ["arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"])
    yield from differs("CodeDeploy's role's members", set(role), {"AssumeRolePolicyDocument", "ManagedPolicyArns"})
    yield from differs("the principals of CodeDeploy's role", trusted(role), [("sts:AssumeRole", {"Service": "codedeploy.amazonaws.com"})])


def metric(namespace, name, dimensions):
    """Errors of a metric that is written by neither the log line nor Lambda."""
    if namespace == "AWS/Lambda":
        if dimensions not in LAMBDA.get(name, []):
            yield f"Lambda has no metric {name} of {dimensions}"
        return
    yield from differs("the namespace", namespace, LINE["namespace"])
    if sorted(dimensions) not in [sorted(names) for names in LINE["metrics"].get(name, [])]:
        yield f"the line has no metric {name} by {sorted(dimensions)}"
    yield from differs(f"{name}'s function", dimensions.get("function"), FUNCTION)
    if "code" in dimensions and dimensions["code"] not in CODES:
        yield f"unknown code {dimensions['code']}"


def alarm_metrics(properties):
    if "Metrics" not in properties:
        yield properties, properties.get("Statistic", properties.get("ExtendedStatistic"))
    for one in properties.get("Metrics", []):
        if "MetricStat" in one:
            yield one["MetricStat"]["Metric"], one["MetricStat"]["Stat"]


def runbook(name, description, docs):
    """A description is a sentence or two about what happened, then the address of an existing heading."""
    found = re.fullmatch(r"([A-Z][^:]+(?:: [^:]+)?\.) What to do: (\S+)/([\w-]+\.md)#(\S+)", description)
    if not found:
        yield f"{name}: no runbook in {description!r}"
        return
    _, base, page, anchor = found.groups()
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / page).read_text(), re.M)
    if base != docs or anchor not in {heading.lower().replace(" ", "-") for heading in headings}:
        yield f"{name}: no such runbook {base}/{page}#{anchor}"


def alarms(stack):
    topic = stack.values["AlarmTopicArn"]
    found = {}
    for name, resource in stack.of_type("AWS::CloudWatch::Alarm").items():
        properties = resource["Properties"]
        for one, statistic in alarm_metrics(properties):
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in one["Dimensions"]}
            for error in metric(one["Namespace"], one["MetricName"], dimensions):
                yield f"{name}: {error}"
            found.setdefault(name, []).append((one["MetricName"], statistic, dimensions.get("code")))
        expressions = [one for one in properties.get("Metrics", []) if "Expression" in one]
        known = {one["Id"] for one in properties.get("Metrics", [])}
        for one in expressions:
            words = set(re.findall(r"[a-z]\w*", one["Expression"]))
            yield from differs(f"{name}: unknown ids", words - known, set())
        if "Metrics" in properties:
            yield from differs(f"{name}: the metric of the threshold", [one["Id"] for one in properties["Metrics"] if one.get("ReturnData", True)], ["percent"])
        for actions in ("AlarmActions", "OKActions"):
            yield from differs(f"{name}: {actions}", properties.get(actions), [topic] if topic else None)
        yield from runbook(name, properties["AlarmDescription"], stack.values["DocsUrl"])
        yield from differs(f"{name}: missing data", properties.get("TreatMissingData"), "notBreaching")
    yield from differs("the metrics of the alarms", found, {
        "ErrorsAlarm": [("Errors", "Sum", None)],
        "KeysUnavailableAlarm": [("refused", "Sum", "keys_unavailable")],
        "RefusalsAlarm": [("refused", "Sum", None), ("Invocations", "Sum", None)],
        "DurationAlarm": [("Duration", "p99", None)],
        "ThrottlesAlarm": [("Throttles", "Sum", None)],
        "StaleKeysAlarm": [("key_age_seconds", "Minimum", None)],
        "KeyRefreshesAlarm": [("key_refresh_failures", "Sum", None), ("key_refreshes", "Sum", None)],
        "StaleRevocationAlarm": [("revocation_stale", "Sum", None)],
        "RevocationRefreshesAlarm": [("revocation_refresh_failures", "Sum", None), ("revocation_refreshes", "Sum", None)],
    })
    stale = stack.resources["StaleKeysAlarm"]["Properties"]
    if stale["DatapointsToAlarm"] < 3 or stale["Threshold"] != stack.values["KeyAgeAlarmSeconds"]:
        yield "one response with old keys raises the alarm of stale keys"
    thresholds = {"RefusalsAlarm": "RefusalAlarmPercent", "DurationAlarm": "DurationAlarmMilliseconds"}
    for name, parameter in thresholds.items():
        yield from differs(f"{name}: threshold", stack.resources[name]["Properties"]["Threshold"], stack.values[parameter])


def dashboard(stack):
    found = stack.of_type("AWS::CloudWatch::Dashboard")
    yield from differs("the presence of the dashboard", bool(found), stack.values["Dashboard"] == "true")
    for resource in found.values():
        widgets = json.loads(resource["Properties"]["DashboardBody"])["widgets"]
        named = set()
        for widget in widgets:
            properties = widget["properties"]
            for row in properties.get("metrics", []):
                if isinstance(row[0], dict):
                    schema = re.search(r'\{"([^"]+)",([\w,]+)\} MetricName="(\w+)" function="([^"]+)"', row[0]["expression"])
                    yield from metric(schema[1], schema[3], {name: schema[4] if name == "function" else "keys_unavailable" for name in schema[2].split(",")})
                    continue
                names = [one for one in row if isinstance(one, str)]
                yield from metric(names[0], names[1], dict(zip(names[2::2], names[3::2])))
                named.add(names[1])
            for alarm in properties.get("alarms", []):
                if alarm.removesuffix(".Arn>") + ">" not in [f"<{name}>" for name in stack.of_type("AWS::CloudWatch::Alarm")]:
                    yield f"unknown alarm {alarm}"
            if "query" in properties and "SOURCE '<AuthorizerLogs>'" not in properties["query"]:
                yield "the dashboard's query reads another log"
        yield from differs("metrics that no widget shows", set(LINE["metrics"]) - named, set())


def secret(stack):
    """Denies reading to all roles but those under the stack's path. IAM governs writing, and changes of the policy."""
    given = stack.values
    created = given["CreateKeysSecret"] == "true"
    yield from differs("the presence of the secret", [bool(stack.of_type(f"AWS::SecretsManager::{kind}")) for kind in ("Secret", "ResourcePolicy")], [created, created])
    if not created:
        return
    properties = only(stack, "AWS::SecretsManager::Secret")
    replicas = [{"Region": region} for region in (given["KeysSecretReplicaRegion"], given["SecondKeysSecretReplicaRegion"]) if region]
    yield from differs("the replicas", properties.get("ReplicaRegions"), replicas or None)
    yield from differs("the secret's key", properties.get("KmsKeyId"), given["KeysSecretKmsKeyArn"] or None)
    yield from differs("the members with the secret's value", [name for name in properties if "String" in name], [])
    path = stack.resources["AuthorizerRole"]["Properties"]["Path"]
    policy = only(stack, "AWS::SecretsManager::ResourcePolicy")
    yield from differs("the resource of the policy", [policy["SecretId"], policy["BlockPublicPolicy"]], ["<KeysSecret>", True])
    yield from differs("the secret's policy", policy["ResourcePolicy"]["Statement"], [{
        "Sid": "OnlyAuthorizersRead", "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": f"arn:<AWS::Partition>:iam::<AWS::AccountId>:role{path}*"}},
    }])


def domain(stack):
    given = stack.values
    found = stack.of_type("AWS::IoT::DomainConfiguration")
    yield from differs("the presence of the domain", bool(found), bool(given["DomainName"]))
    for resource in found.values():
        yield from differs("the domain", resource["Properties"], {
            "DomainName": given["DomainName"], "ServerCertificateArns": [given["CertificateArn"]], "ServiceType": "DATA",
            "AuthenticationType": given["AuthenticationType"], "ApplicationProtocol": given["ApplicationProtocol"],
            "AuthorizerConfig": {"DefaultAuthorizerName": "<Authorizer>", "AllowAuthorizerOverride": given["AllowAuthorizerOverride"]},
        })


def outputs(stack):
    wanted = {
        "AuthorizerName": "<Authorizer>", "AuthorizerArn": "<Authorizer.Arn>", "FunctionName": FUNCTION, "FunctionArn": "<AuthorizerFunction.Arn>",
        "AliasArn": ALIAS, "RoleArn": "<AuthorizerRole.Arn>", "LogGroup": "<AuthorizerLogs>",
    }
    given = stack.values
    if given["TokenKeyName"]:
        wanted["TokenKeyName"] = given["TokenKeyName"]
    if given["KeysSecretArn"] or given["CreateKeysSecret"] == "true":
        wanted["KeysSecretArn"] = given["KeysSecretArn"] or "<KeysSecret>"
    found = dict(stack.outputs)
    endpoint = found.pop("Endpoint")
    yield from differs("the endpoint", endpoint if given["DomainName"] else "iot:Data-ATS" in endpoint, given["DomainName"] or True)
    yield from differs("a dashboard's address", found.pop("DashboardUrl", None) is not None, given["Dashboard"] == "true")
    yield from differs("the outputs", found, wanted)


CHECKS = [permission, alias, authorizer, function, logs, role, stars, deployment, alarms, dashboard, secret, domain, outputs]

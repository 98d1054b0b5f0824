"""What holds for every deployment of provision/template.yaml. Each check takes a stack and yields its errors."""

import json
import re

from checks import differs, runbook, statements
from lib.paths import ROOT

ARN = "arn:<AWS::Partition>:{}:<AWS::Region>:<AWS::AccountId>:{}"
CERTIFICATES, THINGS = ARN.format("iot", "cert/*"), ARN.format("iot", "thing/*")
QUEUE = "<FailedEvents.Arn>"
DEVICES = [
    (["iot:DescribeCertificate", "iot:UpdateCertificate", "iot:AttachPolicy"], CERTIFICATES),
    (["iot:DescribeThing", "iot:CreateThing", "iot:UpdateThing", "iot:ListThingPrincipals"], THINGS),
    (["iot:AttachThingPrincipal", "iot:DetachThingPrincipal"], [CERTIFICATES, THINGS]),
]


def triggers(given):
    """The functions of a deployment, by the name of their resource without `Function`."""
    present = {"Jitr": given["AuthorityId"], "Claim": given["BootstrapRequest"], "Hook": given["FleetTemplateName"]}
    return [name for name, wanted in present.items() if wanted]


def names(stack, kind):
    return set(stack.of_type(kind))


def properties(stack, name):
    if name not in stack.resources:
        raise AssertionError(f"no {name}")
    return stack.resources[name]["Properties"]


def functions(stack):
    given = stack.values
    wanted = triggers(given)
    yield from differs("the functions", names(stack, "AWS::Lambda::Function"), {f"{name}Function" for name in wanted})
    for name in wanted:
        found = properties(stack, f"{name}Function")
        waits = name in ("Jitr", "Claim")
        for member, value in {
            "Handler": name.lower(), "Runtime": "provided.al2023", "Architectures": [given["Architecture"]], "MemorySize": given["MemorySize"],
            "Timeout": {"Jitr": 60, "Claim": 60, "Hook": 5}[name], "Role": f"<{name}Role.Arn>", "Environment": None,
            "ReservedConcurrentExecutions": given["ReservedConcurrency"] if waits and given["ReservedConcurrency"] != "-1" else None,
            "DeadLetterConfig": {"TargetArn": QUEUE} if waits else None,
            "LoggingConfig": {"LogGroup": f"<{name}Logs>", "LogFormat": "JSON", "ApplicationLogLevel": given["LogLevel"], "SystemLogLevel": "WARN"},
        }.items():
            yield from differs(f"{name}'s {member}", found.get(member), value)


def retries(stack):
    """What a rule invokes is tried three times, within six hours."""
    found = sorted(
        (one["FunctionName"], one["MaximumRetryAttempts"], one["MaximumEventAgeInSeconds"])
        for one in (resource["Properties"] for resource in stack.of_type("AWS::Lambda::EventInvokeConfig").values())
    )
    yield from differs("the retries", found, sorted((f"<{name}Function>", 2, 21600) for name in triggers(stack.values) if name in ("Jitr", "Claim")))


def roles(stack):
    """Exactly these actions on exactly these resources."""
    given = stack.values
    table = [(["dynamodb:GetItem", "dynamodb:UpdateItem"], ARN.format("dynamodb", f"table/{given['TableName']}"))] if given["TableName"] else []
    failed = [("sqs:SendMessage", QUEUE)]
    allowed = {
        "Jitr": [*DEVICES, *failed, *table],
        "Claim": [
            *DEVICES, ("iot:CreateCertificateFromCsr", "*"), ("iot:DeleteCertificate", CERTIFICATES),
            ("iot:Publish", ARN.format("iot", f"topic/{given['BootstrapResponse']}")), *failed, *table,
        ],
        "Hook": [*([("iot:DescribeCertificate", CERTIFICATES)] if table else []), *table],
    }
    wanted = {f"{name}Role": [(["logs:CreateLogStream", "logs:PutLogEvents"], f"<{name}Logs.Arn>"), *allowed[name]] for name in triggers(given)}
    if given["AuthorityId"] or given["BootstrapRequest"]:
        wanted["RuleRole"] = failed
    templates = {"ProvisioningRole"} if given["FleetTemplateName"] or given["JitpTemplateName"] else set()
    yield from differs("the roles", names(stack, "AWS::IAM::Role"), set(wanted) | templates)
    for name, expected in wanted.items():
        role = properties(stack, name)
        yield from differs(f"{name}'s members", set(role), {"AssumeRolePolicyDocument", "Policies"})
        found = [
            (one["Effect"], one["Action"], one["Resource"], len(one)) for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]
        ]
        yield from differs(f"{name}'s permissions", found, [("Allow", actions, resources, 3) for actions, resources in expected])
    for name in templates:
        role = properties(stack, name)
        yield from differs(f"{name}'s members", set(role), {"AssumeRolePolicyDocument", "ManagedPolicyArns"})
        yield from differs(f"{name}'s policies", role["ManagedPolicyArns"], ["arn:<AWS::Partition>:iam::aws:policy/service-role/AWSIoTThingsRegistration"])


def trust(stack):
    """Lambda takes the functions' roles, AWS IoT of this account the others."""
    for name, role in stack.of_type("AWS::IAM::Role").items():
        is_iot = name in ("RuleRole", "ProvisioningRole")
        statement = {"Effect": "Allow", "Principal": {"Service": f"{'iot' if is_iot else 'lambda'}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        if is_iot:
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}}
        yield from differs(f"{name}'s principals", role["Properties"]["AssumeRolePolicyDocument"]["Statement"], [statement])


def stars(stack):
    """`*` is a resource only where AWS supports nothing narrower, and never an action."""
    for name, resource in stack.resources.items():
        for path, statement in statements(resource["Properties"]):
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            if any("*" in action for action in actions) or "NotAction" in statement or "NotResource" in statement:
                yield f"{name}{path}: a wildcard in the actions"
            if statement.get("Resource") == "*" and actions != ["iot:CreateCertificateFromCsr"]:
                yield f"{name}{path}: every resource"


def permissions(stack):
    """Each function may be invoked by its rule or its template alone."""
    given = stack.values
    template = ARN.format("iot", f"provisioningtemplate/{given['FleetTemplateName']}")
    sources = {
        "JitrPermission": ("Jitr", "<JitrRule.Arn>", given["AuthorityId"]),
        "SecondJitrPermission": ("Jitr", "<SecondJitrRule.Arn>", given["SecondAuthorityId"]),
        "ClaimPermission": ("Claim", "<ClaimRule.Arn>", given["BootstrapRequest"]),
        "HookPermission": ("Hook", template, given["FleetTemplateName"]),
    }
    wanted = {
        name: {
            "Action": "lambda:InvokeFunction", "FunctionName": f"<{function}Function.Arn>", "Principal": "iot.amazonaws.com", "SourceArn": source, "SourceAccount": "<AWS::AccountId>",
        }
        for name, (function, source, present) in sources.items() if present
    }
    found = {name: resource["Properties"] for name, resource in stack.of_type("AWS::Lambda::Permission").items()}
    yield from differs("the permissions", found, wanted)


def rules(stack):
    given = stack.values
    columns = f"topic({given['BootstrapIdLevel']}) AS id, topic() AS topic, clientid() AS client_id, principal() AS principal, csr, secret"
    statements_of = {
        "JitrRule": (f"SELECT * FROM '$aws/events/certificates/registered/{given['AuthorityId']}'", "Jitr", given["AuthorityId"]),
        "SecondJitrRule": (f"SELECT * FROM '$aws/events/certificates/registered/{given['SecondAuthorityId']}'", "Jitr", given["SecondAuthorityId"]),
        "ClaimRule": (f"SELECT {columns} FROM '{given['BootstrapRequest']}'", "Claim", given["BootstrapRequest"]),
    }
    wanted = {name: row for name, row in statements_of.items() if row[2]}
    yield from differs("the rules", names(stack, "AWS::IoT::TopicRule"), set(wanted))
    for name, (sql, function, _) in wanted.items():
        found = dict(properties(stack, name)["TopicRulePayload"])
        found.pop("Description")
        yield from differs(name, found, {
            "AwsIotSqlVersion": "2016-03-23", "Sql": sql, "RuleDisabled": False, "Actions": [{"Lambda": {"FunctionArn": f"<{function}Function.Arn>"}}],
            "ErrorAction": {"Sqs": {"QueueUrl": "<FailedEvents>", "RoleArn": "<RuleRole.Arn>", "UseBase64": False}},
        })
        yield from differs(f"{name}'s name", "RuleName" in properties(stack, name), False)


def everything(stack):
    """A rule selects everything only from topics to which AWS IoT alone publishes, and each level of its filter but the id
    is fixed."""
    for name, rule in stack.of_type("AWS::IoT::TopicRule").items():
        sql = rule["Properties"]["TopicRulePayload"]["Sql"]
        source = re.search(r"FROM '([^']*)'$", sql)[1]
        if "*" in sql.partition(" FROM ")[0] and not re.fullmatch(r"\$aws/events/certificates/registered/[0-9a-f]{64}", source):
            yield f"{name} selects everything from {source}"
        level = re.search(r"topic\((\d+)\) AS id", sql)
        if level and source.split("/")[int(level[1]) - 1] != "+":
            yield f"{name}: level {level[1]} of {source} is not the id"
        if source.count("+") > 1 or "#" in source:
            yield f"{name}: {source}"


def provisioning(stack):
    """The templates of `provision/templates/`, with the policy of the parameter."""
    given = stack.values
    kinds = {"FleetTemplate": ("FleetTemplateName", "FLEET_PROVISIONING", "fleet"), "JitpTemplate": ("JitpTemplateName", "JITP", "jitp")}
    wanted = {name: row for name, row in kinds.items() if given[row[0]]}
    yield from differs("the templates", names(stack, "AWS::IoT::ProvisioningTemplate"), set(wanted))
    for name, (parameter, kind, file) in wanted.items():
        found = dict(properties(stack, name))
        found.pop("Description")
        body = json.loads(found.pop("TemplateBody"))
        hook = {"PayloadVersion": "2020-04-01", "TargetArn": "<HookFunction.Arn>"}
        yield from differs(name, found, {
            "TemplateName": given[parameter], "TemplateType": kind, "Enabled": True, "ProvisioningRoleArn": "<ProvisioningRole.Arn>",
            **({"PreProvisioningHook": hook} if name == "FleetTemplate" else {}),
        })
        expected = json.loads((ROOT / f"provision/templates/{file}.json").read_text())
        expected["Resources"]["policy"]["Properties"]["PolicyName"] = given["DevicePolicyName"]
        yield from differs(f"{name}'s body", body, expected)
        yield from differs(f"{name} waits for", stack.resources[name].get("DependsOn"), "HookPermission" if name == "FleetTemplate" else None)


def kept(stack):
    """The queue, the logs and the table."""
    given = stack.values
    has_events = bool(given["AuthorityId"] or given["BootstrapRequest"])
    yield from differs("the queues", names(stack, "AWS::SQS::Queue"), {"FailedEvents"} if has_events else set())
    if has_events:
        yield from differs("the queue", properties(stack, "FailedEvents"), {"MessageRetentionPeriod": 14 * 24 * 3600, "SqsManagedSseEnabled": True})
    yield from differs("the logs", names(stack, "AWS::Logs::LogGroup"), {f"{name}Logs" for name in triggers(given)})
    for group in stack.of_type("AWS::Logs::LogGroup").values():
        yield from differs("a log", group["Properties"], {"RetentionInDays": given["LogRetentionDays"]})
    yield from differs("the tables", names(stack, "AWS::DynamoDB::Table"), {"DevicesTable"} if given["CreateTable"] == "true" else set())
    for table in stack.of_type("AWS::DynamoDB::Table").values():
        yield from differs("the table", table["Properties"], {
            "TableName": given["TableName"], "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "device", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "device", "KeyType": "HASH"}], "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        })
    for name, resource in stack.resources.items():
        if resource["Type"] in ("AWS::Logs::LogGroup", "AWS::DynamoDB::Table"):
            yield from differs(f"{name}'s deletion", [resource["DeletionPolicy"], resource["UpdateReplacePolicy"]], ["RetainExceptOnCreate", "Retain"])


def alarms(stack):
    given = stack.values
    wanted = {}
    for name in triggers(given):
        function = f"<{name}Function>"
        wanted[f"{name}DenialsAlarm"] = ("iot-provision", "denied", {"function": function}, "Sum", 300, given["DenialAlarmCount"])
        if name in ("Jitr", "Claim"):
            wanted["FailedEventsAlarm"] = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "<FailedEvents.QueueName>"}, "Maximum", 60, 1)
        else:
            wanted[f"{name}ErrorsAlarm"] = ("AWS/Lambda", "Errors", {"FunctionName": function}, "Sum", 60, 1)
        if name == "Hook":
            wanted["HookThrottlesAlarm"] = ("AWS/Lambda", "Throttles", {"FunctionName": function}, "Sum", 60, 1)
    found = {}
    topic = given["AlarmTopicArn"]
    for name, resource in stack.of_type("AWS::CloudWatch::Alarm").items():
        one = resource["Properties"]
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in one["Dimensions"]}
        found[name] = (one["Namespace"], one["MetricName"], dimensions, one["Statistic"], one["Period"], one["Threshold"])
        for actions in ("AlarmActions", "OKActions"):
            yield from differs(f"{name}: {actions}", one.get(actions), [topic] if topic else None)
        rest = [one["ComparisonOperator"], one["TreatMissingData"], one["EvaluationPeriods"]]
        yield from differs(f"{name}: comparison", rest, ["GreaterThanOrEqualToThreshold", "notBreaching", 1])
        yield from runbook(name, one["AlarmDescription"], given["DocsUrl"])
    yield from differs("the alarms", found, wanted)


def outputs(stack):
    given = stack.values
    wanted = {f"{name}FunctionName": f"<{name}Function>" for name in triggers(given)}
    if given["AuthorityId"] or given["BootstrapRequest"]:
        wanted["FailedEventsUrl"] = "<FailedEvents>"
    for parameter, resource in {"FleetTemplateName": "<FleetTemplate>", "JitpTemplateName": "<JitpTemplate>"}.items():
        if given[parameter]:
            wanted[parameter] = resource
    if given["TableName"]:
        wanted["TableName"] = "<DevicesTable>" if given["CreateTable"] == "true" else given["TableName"]
    yield from differs("the outputs", dict(stack.outputs), wanted)


def calls(template):
    """The actions of the roles are the calls that the functions make, and each call is in a role."""
    source = "".join(path.read_text() for path in [ROOT / "provision/src/plan/step.rs", ROOT / "provision/src/control/call.rs"])
    made = set(re.findall(r'=> "([A-Z][A-Za-z]+)",', source)) | set(re.findall(r'(?:iot|dynamodb)\(\s*"([A-Z][A-Za-z]+)"', source))
    text = json.dumps({name: one for name, one in template["Resources"].items() if name.endswith("Role")})
    granted = set(re.findall(r'"(?:iot|dynamodb):([A-Z]\w+)"', text))
    yield from differs("the calls", granted, made)


CHECKS = [functions, retries, roles, trust, stars, permissions, rules, everything, provisioning, kept, alarms, outputs]

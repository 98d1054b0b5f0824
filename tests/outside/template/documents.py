"""docs/deploy.md and docs/logs.md against template.yaml and the log line, docs/deploy-provision.md against
provision/template.yaml, docs/deploy-cognito.md against deploy/cognito.yaml, docs/regions.md against deploy/regions.yaml,
docs/deploy-managed-instances.md against deploy/managed-instances.yaml, and broken copies that each check has to find."""

import functools
import importlib
import re

import botocore.exceptions
import botocore.session
from checks import CODES, LINE
from lib.paths import ROOT
from samcli.yamlhelper import yaml_parse
from stack import Rules, outside_limits, parameters

MARK = "<!-- needs an AWS account -->"
# The words of Logs Insights' query language that the page uses.
KEYWORDS = {
    "filter", "fields", "sort", "limit", "stats", "by", "as", "and", "in", "like", "asc", "desc",
    "count", "count_distinct", "sum", "max", "avg", "pct", "latest", "bin", "ispresent",
}
SYSTEM = {"@timestamp", "@message"}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def first_column(section):
    """The names in backquotes that begin each row of a table."""
    for row in re.findall(r"^\| (`[^|]+) \|", section, re.M):
        yield from re.findall(r"`([^`]+)`", row)


def section(text, heading):
    _, _, rest = text.partition(f"\n{heading}\n")
    level = heading.split(" ")[0]
    return re.split(rf"^{level} ", rest, maxsplit=1, flags=re.M)[0]


def differs(what, found, wanted):
    if found != wanted:
        yield f"{what}: too many {sorted(found - wanted)}, too few {sorted(wanted - found)}"


def parameter_table(text, template):
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section(text, "## Parameters"), re.M))
    wanted = {}
    for name, parameter in template["Parameters"].items():
        default = parameter.get("Default")
        if default is None:
            wanted[name] = "required"
        else:
            wanted[name] = f"`{default}`" if isinstance(default, str) and default else str(default) if default != "" else "empty"
    yield from differs("parameters", set(rows.items()), set(wanted.items()))


def parameter_files(text, template):
    found = blocks(text, "yaml")
    if len(found) < 2:
        yield "the page has fewer than two examples"
    for block in found:
        given = yaml_parse(block)
        unknown = set(given) - set(template["Parameters"])
        if unknown:
            yield f"no such parameter: {unknown}"
            continue
        yield from outside_limits(template, parameters(template, given))
        yield from Rules(template, given).violations()


def account_marks(text, template):
    """A command that needs an account is marked, and no other."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        above = lines[number - 1]
        if line == "```sh":
            end = lines.index("```", number)
            needs = any(re.search(r"(^|\$\()(aws|sam) ", one) for one in lines[number + 1:end])
            if needs != (above == MARK):
                yield f"line {number + 1}: {'not marked' if needs else 'marked without need'}"
        elif above == MARK:
            yield f"line {number}: a mark without a command"


def alarm_table(text, template):
    wanted = {name.removesuffix("Alarm") for name, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    yield from differs("alarms", set(re.findall(r"^\| ([A-Z]\w+) \|", section(text, "## Alarms"), re.M)), wanted)


def queries(text, template):
    """Every name in a query is a member, a metric, or defined in that query; every value of a known member exists."""
    known = set(LINE["members"]["decision"]) | set(LINE["members"]["keys"]) | set(LINE["metrics"]) | {"function"} | KEYWORDS | SYSTEM
    found = blocks(text, "insights")
    if len(found) < 12:
        yield f"only {len(found)} queries"
    for query in found:
        defined = set(re.findall(r"\bas (\w+)", query))
        bare = re.sub(r'"[^"]*"|/[^/\n]*/', " ", query).replace("policies.0", "policies")
        names = set(re.findall(r"(?<![\w@])@?[a-z]\w*", bare))
        for name in sorted(names - known - defined):
            yield f"unknown name {name}: {query!r}"
        for member, values in {"decision": {"allow", "deny"}, "event": set(LINE["events"]), "code": CODES}.items():
            for value in re.findall(rf'\b{member} = "([^"]*)"', query):
                if value not in values:
                    yield f"{member} is never {value!r}"
        for several in re.findall(r"\bevent in \[([^\]]*)\]", query):
            for value in re.findall(r'"([^"]*)"', several):
                if value not in LINE["events"]:
                    yield f"event is never {value!r}"


def members(text, template):
    yield from differs("members", set(first_column(section(text, "## A decision"))), set(LINE["members"]["decision"]))
    named = set(re.findall(r"`([^`]+)`", key_events(text))) | {"level", "timestamp"}
    of_list = set(re.findall(r"`([^`]+)`", section(text, "## Events of the revocation list"))) | named
    yield from differs("members about keys", set(LINE["members"]["keys"]) - named, set())
    yield from differs("members about the revocation list", set(LINE["members"]["revocation"]) - of_list, set())
    yield from differs("events", set(LINE["events"]) - of_list, set())


def key_events(text):
    """The section on key events."""
    return section(text, "## Key events")


def metrics(text, template):
    yield from differs("metrics", set(first_column(section(text, "## Metrics"))), set(LINE["metrics"]))


def codes(text, template):
    named = set(first_column(section(text, "### Attack or our fault")))
    yield from differs("codes", {name for name in named if name not in CODES}, set())
    if len(named) < 8:
        yield "the table of attacks has fewer than eight codes"


def levels(text, template):
    named = set(first_column(section(text, "## Log levels")))
    yield from differs("levels", named, set(template["Parameters"]["LogLevel"]["AllowedValues"]))


def commands(text, template):
    """Every command of AWS's and SAM's command lines exists, has known options, and has the required ones."""
    service_models = botocore.session.get_session()
    shell = "\n".join(blocks(text, "sh")).replace("\\\n", " ")
    inline = re.findall(r"`((?:aws|sam) [^`]+)`", text)
    found = [(line, True) for line in re.findall(r"(?:^|\$\()((?:aws|sam) [^\n]*)", shell, re.M)] + [(line, False) for line in inline]
    if len(found) < 5:
        yield "the page has fewer than five commands"
    for line, whole in found:
        # A command within it is checked by itself.
        line = re.sub(r'"\$\(.*', '"', line)
        program, first, *rest = line.split()
        given = set(re.findall(r" --([a-z0-9-]+)", line))
        if program == "sam":
            known, needed = sam_options(first), set()
        elif (first, rest[0]) == ("logs", "tail"):
            known, needed = {"since", "follow", "format"}, set()
        else:
            try:
                service = service_models.get_service_model(first)
                operations = {botocore.xform_name(name, "-"): name for name in service.operation_names}
                model = service.operation_model(operations[rest[0]]).input_shape
            except (botocore.exceptions.UnknownServiceError, KeyError):
                yield f"unknown command: {line}"
                continue
            names = {name: botocore.xform_name(name, "-") for name in (model.members if model else ())}
            known = set(names.values()) | {"query", "output", "region"}
            needed = {names[name] for name in model.required_members} if model and whole else set()
        if given - known or needed - given:
            yield f"{line}: unknown options {sorted(given - known)}, missing options {sorted(needed - given)}"


@functools.cache
def sam_options(command):
    found = importlib.import_module(f"samcli.commands.{command}").cli
    return {option.removeprefix("--") for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}


def anchors(pages):
    """Links within and between the two pages."""
    headings = {
        name: {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
        for name, text in pages.items()
    }
    for name, text in pages.items():
        for page, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text):
            target = page or name
            if target in headings and anchor not in headings[target]:
                yield f"{name}: no heading {page}#{anchor}"


# The checks of each page.
OF_AUTHORIZER = {
    "deploy.md": [parameter_table, parameter_files, account_marks, alarm_table, commands],
    "logs.md": [queries, members, metrics, codes, levels],
}
OF_PROVISION = {"deploy-provision.md": [parameter_table, parameter_files, account_marks, alarm_table, commands]}
OF_COGNITO = {"deploy-cognito.md": [parameter_table, parameter_files, account_marks, alarm_table, commands]}
OF_REGIONS = {"regions.md": [parameter_table, parameter_files, account_marks, alarm_table, commands]}
OF_MANAGED = {"deploy-managed-instances.md": [parameter_table, parameter_files, account_marks, alarm_table, commands]}

# The check, a text of its page, and the replacement.
BROKEN = [
    (parameter_table, "| `MemorySize` | 256 |", "| `MemorySize` | 128 |"),
    (parameter_table, "| `Tracing` |", "| `Traces` |"),
    (parameter_files, "AuthorizerName: app\nDomainName: iot.example.com\nCertificateArn", "AuthorizerName: app\nCertificateArn"),
    (parameter_files, "CreateKeysSecret: \"true\"", "CreateSecret: \"true\""),
    (parameter_files, "arn:aws:sns:eu-west-1:123456789012:operators", "operators"),
    (account_marks, MARK + "\n```sh\nsam delete", "```sh\nsam delete"),
    (account_marks, "```sh\ncargo local check", MARK + "\n```sh\ncargo local check"),
    (account_marks, "## Delete\n", "## Delete\n" + MARK + "\n"),
    (alarm_table, "| Throttles |", "| Throttled |"),
    (commands, "aws lambda update-alias", "aws lambda move-alias"),
    (commands, "aws secretsmanager put-secret-value --secret-string", "aws secretsmanager put-secret-value --value"),
    (commands, "--function-version \"$EARLIER\"", "--version \"$EARLIER\""),
    (commands, "update-alias --function-name \"$FUNCTION\" --name live", "update-alias --function-name \"$FUNCTION\""),
    (commands, "aws iot clear-default-authorizer", "aws iot unset-default-authorizer"),
    (commands, "sam deploy --region eu-west-1", "sam deploy --zone eu-west-1"),
    (queries, "count_distinct(principal)", "count_distinct(subject_id)"),
    (queries, 'filter decision = "deny"', 'filter decision = "denied"'),
    (queries, '"keys_missing", "keys_expired"]', '"keys_missing", "keys_gone"]'),
    (queries, "pct(duration_us", "percentile(duration_us"),
    (members, "| `detail` |", "| `topic` |"),
    (members, "`next_seconds`, ", ""),
    (metrics, "| `cold_starts` |", "| `cold_start` |"),
    (codes, "| `unknown_key`,", "| `unknown_kid`,"),
    (levels, "`TRACE`, ", ""),
]
BROKEN_PROVISION = [
    (parameter_table, "| `MemorySize` | 256 |", "| `MemorySize` | 128 |"),
    (parameter_table, "| `CreateTable` |", "| `MakeTable` |"),
    (parameter_files, "BootstrapRequest: bootstrap/+/request", "BootstrapRequest: bootstrap/#"),
    (parameter_files, "TableName: devices\n", ""),
    (parameter_files, "JitpTemplateName: jitp\n", ""),
    (account_marks, MARK + "\n```sh\nsam delete", "```sh\nsam delete"),
    (alarm_table, "| HookErrors |", "| HookError |"),
    (commands, "aws iot create-policy --policy-name device", "aws iot create-policy --name device"),
    (commands, "sam build --template", "sam build --source"),
]
BROKEN_COGNITO = [
    (parameter_table, "| `LoginDomainPrefix` | required |", "| `LoginDomainPrefix` | empty |"),
    (parameter_table, "| `PolicyName` |", "| `Policy` |"),
    (parameter_files, "LoginDomainPrefix: example-app\n", ""),
    (parameter_files, "AppUrl: https://test.example.com/", "AppUrl: http://test.example.com/"),
    (account_marks, MARK + "\n```sh\nsam build", "```sh\nsam build"),
    (alarm_table, "| AttachErrors |", "| AttachError |"),
    (commands, "aws cognito-idp admin-create-user --user-pool-id", "aws cognito-idp admin-create-user --user-pool"),
    (commands, "aws iot detach-policy", "aws iot remove-policy"),
    (commands, "--capabilities", "--capability"),
]
BROKEN_REGIONS = [
    (parameter_table, "| `TimeToLive` | 60 |", "| `TimeToLive` | 300 |"),
    (parameter_table, "| `OutOfService` |", "| `Drained` |"),
    (parameter_files, "SecondAlarmName: iot-round-trip\n", ""),
    (parameter_files, "FirstProbe: probe-eu.example.com", "FirstProbe: iot.example.com"),
    (account_marks, MARK + "\n```sh\nsam build", "```sh\nsam build"),
    (account_marks, "```sh\ncargo local demo", MARK + "\n```sh\ncargo local demo"),
    (alarm_table, "| SecondRegion |", "| Second |"),
    (commands, "aws cloudwatch put-metric-alarm --alarm-name", "aws cloudwatch put-metric-alarm --name"),
    (commands, "aws iot describe-endpoint --endpoint-type", "aws iot describe-endpoints --endpoint-type"),
    (commands, "--template-file", "--template-path"),
]
BROKEN_MANAGED = [
    (parameter_table, "| `MemorySize` | 2048 |", "| `MemorySize` | 256 |"),
    (parameter_table, "| `Concurrency` |", "| `MaxConcurrency` |"),
    (parameter_files, "SecurityGroupIds: sg-0a1b2c3d\n", ""),
    (parameter_files, "MemorySize: 4096\n", "MemorySize: 3008\n"),
    (account_marks, MARK + "\n```sh\nsam build", "```sh\nsam build"),
    (alarm_table, "| Throttles |", "| Throttled |"),
    (commands, "aws iot test-invoke-authorizer --authorizer-name", "aws iot test-invoke-authorizer --name"),
    (commands, "sam delete --stack-name", "sam delete --stack"),
]
BROKEN_COPIES = [
    (OF_AUTHORIZER, BROKEN), (OF_PROVISION, BROKEN_PROVISION), (OF_COGNITO, BROKEN_COGNITO), (OF_REGIONS, BROKEN_REGIONS), (OF_MANAGED, BROKEN_MANAGED),
]


def checked(template, pages_of=None):
    """The checks of the pages with their errors, then those of their broken copies."""
    checks_of = pages_of or OF_AUTHORIZER
    pages = {name: (ROOT / "docs" / name).read_text() for name in checks_of}
    yield "links", anchors(pages)
    for name in pages:
        broken = {**pages, name: re.sub(r"^#+ .*$", "# Other", pages[name], flags=re.M)}
        yield f"links to {name} can fail", [] if list(anchors(broken)) else ["a broken link is not found"]
    for name, checks in checks_of.items():
        for check in checks:
            yield f"{check.__name__} of {name}", check(pages[name], template)
    broken_copies, = [rows for of, rows in BROKEN_COPIES if of is checks_of]
    for check, found, instead in broken_copies:
        name, = [name for name, checks in checks_of.items() if check in checks]
        broken = pages[name].replace(found, instead)
        seen = broken != pages[name] and list(check(broken, template))
        yield "a broken page", [] if seen else [f"{check.__name__} does not find {instead!r}"]

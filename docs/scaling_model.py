"""The inputs and formulas of docs/scaling.md. docs/scaling.py writes the page from them.

This file has prices, limits and guesses. Times are read from docs/performance.md, defaults from template.yaml. After a
change, run docs/scaling.py to update the page.
"""

import dataclasses
import math
import re

LAMBDA, IOT, WATCH, SECRETS, XRAY = (f"https://aws.amazon.com/{name}/pricing/" for name in ("lambda", "iot-core", "cloudwatch", "secrets-manager", "xray"))
EC2 = "https://aws.amazon.com/ec2/pricing/on-demand/"
AWSS = "AWS's page"
LATER = "others' pages that quote it"
MEMORY = "from memory, check it"

# List prices of us-east-1 in dollars, without free tiers and volume discounts: name, dollars, item, page, evidence.
PRICES = [
    ("request", 0.20 / 1e6, "a call of Lambda", LAMBDA, LATER),
    ("gb_second arm64", 0.0000133334, "a GB-second, arm64", LAMBDA, LATER),
    ("gb_second x86_64", 0.0000166667, "a GB-second, x86-64", LAMBDA, LATER),
    ("provisioned arm64", 0.0000033334, "a GB-second kept warm, arm64", LAMBDA, LATER),
    ("provisioned x86_64", 0.0000041667, "a GB-second kept warm, x86-64", LAMBDA, LATER),
    ("instance", 0.0816, "an hour of an m7g.large, two processors, for Managed Instances", EC2, LATER),
    ("log_gb", 0.50, "a GB of log ingested", WATCH, LATER),
    ("kept_gb", 0.03, "a GB of compressed log stored, a month", WATCH, LATER),
    ("metric", 0.30, "a custom metric, a month", WATCH, LATER),
    ("alarm", 0.10, "a metric of an alarm, a month", WATCH, MEMORY),
    ("dashboard", 3.00, "a dashboard, a month", WATCH, MEMORY),
    ("secret", 0.40, "a secret, a month", SECRETS, LATER),
    ("secret_read", 0.05 / 1e4, "a call of Secrets Manager", SECRETS, LATER),
    ("trace", 5.00 / 1e6, "a recorded trace", XRAY, AWSS),
    ("minute", 0.08 / 1e6, "a minute of a connection to AWS IoT", IOT, LATER),
    ("message", 1.00 / 1e6, "a message to AWS IoT, a CONNECT included, for each 5 KB", IOT, LATER),
]
PRICE = {name: dollars for name, dollars, *_ in PRICES}

# Quotas of AWS for each Region and account: name, value, item, page, evidence.
GENERAL = "https://docs.aws.amazon.com/general/latest/gr/iot-core.html"
QUOTAS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
RAMP = "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html"
READS = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"
LIMITS = [
    ("connects", 3000, "MQTT connects per second that AWS IoT accepts; fewer in some Regions, 500 in older lists", GENERAL, LATER),
    ("connections", 500_000, "concurrent connections to AWS IoT", GENERAL, LATER),
    ("concurrency", 1000, "concurrent calls of all Lambda functions; new accounts have fewer", QUOTAS, AWSS),
    ("a_sandbox", 10, "calls per second for each sandbox: calls per second are ten times the concurrency", QUOTAS, AWSS),
    ("ramp", 1000, "new sandboxes of a function in 10 seconds", RAMP, AWSS),
    ("reads", 10_000, "reads per second of Secrets Manager; cannot be raised", READS, AWSS),
]
LIMIT = {name: value for name, value, *_ in LIMITS}

# Values that were neither measured here nor published by AWS as a quota.
BASE_INIT, BASE_CALL = 13.9, 1.46  # ms, the smallest Rust function on Lambda
WHOLE = 1769  # MB of memory that give one processor
MARGIN = 2
PLACING = 0.25  # s until a new sandbox begins its INIT
FETCH = {"bundled": 0, "secret": 60, "jwks": 150, "oidc": 300}  # ms that a start waits for keys
CALLS = {"bundled": 0, "secret": 3, "jwks": 1, "oidc": 2}  # requests of one fetch
REFRESH_KEYS = 300 * 0.9  # average s between fetches: refresh_seconds, up to a fifth earlier
COLD = 0.01  # of all calls, at most
LIFE = 3600  # s, lifetime of a busy sandbox
REFUSED = 0.01  # of all calls
CODES = 5  # codes that occur in a month, each a metric
SAMPLED = 0.05  # of all calls, traces recorded
COMPRESSED = 0.15  # size of a stored log relative to the ingested log
FEE = 0.15  # management fee of Managed Instances, of the price of the instances
LEAST = 3  # instances and sandboxes of Managed Instances, one in each Availability Zone
PROCESSORS = 2  # of one instance
BACK_OFF = 60  # s, the longest delay of docs/connect.md

# Bytes of a log line. tests/outside/docs/scaling.py verifies them to within 2 %. "allow" includes the age of fetched keys, about 65 bytes.
LINE = {"allow": 1103, "deny": 1056, "keys": 620}
SYSTEM = (  # platform.start and platform.report, which SystemLogLevel: INFO adds
    '{"time":"2026-11-22T10:00:00.000Z","type":"platform.start","record":{"requestId":"8476a536-e9f4-11e8-9739-2dfe598c3fcd","version":"12"}}',
    '{"time":"2026-11-22T10:00:00.000Z","type":"platform.report","record":{"requestId":"8476a536-e9f4-11e8-9739-2dfe598c3fcd",'
    '"metrics":{"durationMs":1.874,"billedDurationMs":2,"memorySizeMB":256,"maxMemoryUsedMB":20},"status":"success"}}',
)
PERF = "[lambda-perf](https://github.com/maxday/lambda-perf), 2025-12-21: Rust on `provided.al2023`, arm64, 256 MB; about the same with 1,024 MB"
FEW = "[AWS](https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/) observed less over all functions"
OURS = "measured in a test of the function, with ids as long as Lambda's"
GUESSES = [
    ("INIT of the smallest function, ms", BASE_INIT, PERF),
    ("a call of this function, ms", BASE_CALL, "the same"),
    ("MB that give one processor", WHOLE, "[AWS](https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), from others' pages"),
    ("margin", MARGIN, "a guess: a slower processor, arm64, neighbours"),
    ("time until Lambda has a new sandbox, s", PLACING, "a guess; AWS publishes none"),
    ("network time of a key fetch, ms", "; ".join(f"{keys} {ms}" for keys, ms in FETCH.items() if ms), "a guess: three reads in the Region; one request, and two requests, to an issuer"),
    ("share of cold calls, at most", COLD, FEW),
    ("lifetime of a busy sandbox, s", LIFE, "a guess; AWS ends them every few hours"),
    ("share of denials", REFUSED, "a guess"),
    ("denial codes in a month", CODES, "a guess"),
    ("share of recorded traces", SAMPLED, "X-Ray's default, in addition to the first of each second"),
    ("size of the stored log, relative to the ingested log", COMPRESSED, "AWS's price list, from memory"),
    ("management fee of Managed Instances, of the price of the instances", FEE, f"[AWS]({LAMBDA}), from others' pages"),
    ("instances of a capacity provider, at least", LEAST, "[AWS](https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html)"),
    ("line of an allowed request, bytes", LINE["allow"], OURS),
    ("line of a denial, bytes", LINE["deny"], OURS),
    ("line of a key event, bytes", LINE["keys"], OURS),
    ("Lambda's two lines, bytes", sum(map(len, SYSTEM)), "public examples of such lines"),
]
HOUR, DAY, MONTH = 3600, 86400, 730 * 3600


@dataclasses.dataclass(frozen=True)
class Fleet:
    """A fleet: clients, connections per day and their seconds, seconds between refreshes, seconds of a storm."""

    name: str
    clients: int
    sessions: float
    seconds: float
    refresh: float
    storm: float


FLEETS = [
    Fleet("10,000 phones", 10_000, 10, 600, 3600, 60),
    Fleet("100,000 wall panels", 100_000, 24, 3600, 3600, 60),
    Fleet("1,000,000 devices", 1_000_000, 1, 86400, 3600, 600),
]


@dataclasses.dataclass(frozen=True)
class Setting:
    """Settings of template.yaml and authorizer.toml."""

    memory: int
    architecture: str
    keys: str = "bundled"
    level: str = "INFO"
    system: bool = False
    traced: bool = False


def stop(why):
    raise SystemExit(f"docs/scaling.md: {why}")


def default(template, parameter, name="template.yaml"):
    found = re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (\S+)$", template, re.M)
    return found[1] if found else stop(f"{name} has no default for {parameter}")


def setting(template):
    return Setting(int(default(template, "MemorySize")), default(template, "Architecture"), level=default(template, "LogLevel"))


def alarm_metrics(template):
    return len(re.findall(r"^ +MetricName: ", template, re.M))


def measured(text):
    """Starts, first events and warm events in ms, from the table that begins with `start with`."""
    lines = text.splitlines()
    head = next((at for at, line in enumerate(lines) if line.startswith("| start with |")), None)
    if head is None:
        stop("docs/performance.md has no table that begins with `start with`")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[head:]]
    rows = {row[0]: dict(zip(cells[0], row)) for row in cells[2:cells.index([""])]}
    found = {}
    for name in ("echo", "bundled keys", "a secret over TLS"):
        for column, unit in (("to first poll, ms", 1), ("first event, ms", 1), ("warm event, us", 1e-3)):
            value = rows.get(name, {}).get(column)
            if value is None:
                stop(f"docs/performance.md has no `{name}` with `{column}` among its starts")
            found[name, column.split(",")[0]] = float(value) * unit
    return found


# The formulas of the page.

def factor(memory):
    return MARGIN * max(1, WHOLE / memory)


def on_lambda(base, ours, echo, memory):
    return base + (ours - echo) * factor(memory)


def times(of, chosen):
    """INIT, first call and warm call on Lambda, in ms."""
    row = "bundled keys" if chosen.keys == "bundled" else "a secret over TLS"
    ask = lambda base, what: on_lambda(base, of[row, what], of["echo", what], chosen.memory)
    return ask(BASE_INIT, "to first poll") + FETCH[chosen.keys], ask(BASE_CALL, "first event"), ask(BASE_CALL, "warm event")


def calls_of_session(seconds, refresh):
    return math.ceil(seconds / refresh)


def calls_a_second(fleet):
    return fleet.clients * fleet.sessions * calls_of_session(fleet.seconds, fleet.refresh) / DAY


def connects_a_second(fleet):
    return fleet.clients * fleet.sessions / DAY


def cold_wait(init, first):
    return PLACING + (init + first) / 1000


def busy(rate, warm):
    """Concurrent calls, by duration only."""
    return rate * warm / 1000


def sandboxes(rate, warm):
    return math.ceil(max(busy(rate, warm), rate / LIMIT["a_sandbox"]))


def opened(rate, wait, warm, clients, concurrency=LIMIT["concurrency"]):
    """Sandboxes that a storm opens: one for each connect until the first of them is warm."""
    ramp = LIMIT["ramp"] * (1 + wait / 10)
    return min(clients, concurrency, math.floor(ramp), max(math.ceil(rate * wait), sandboxes(rate, warm)))


def taken(offered):
    return min(offered, LIMIT["connects"])


def attempts(clients, back_off=BACK_OFF):
    """Attempts of each client until all are connected, if only their back-off spreads them."""
    waiting = LIMIT["connects"] * back_off / 2
    if clients <= waiting:
        return 1.0
    return ((clients**2 - waiting**2) / (2 * waiting) + waiting) / clients


def cold_starts(calls, rate, warm):
    """An upper bound; without a rate, the largest share that AWS observed."""
    return min(calls * COLD, sandboxes(rate, warm) * calls / rate / LIFE) if rate else calls * COLD


def fetches_a_second(rate, warm, keys):
    return min(rate, sandboxes(rate, warm) / REFRESH_KEYS) * CALLS[keys]


def line_bytes(chosen):
    allowed = LINE["allow"] if chosen.level == "INFO" else 0
    return (1 - REFUSED) * allowed + REFUSED * LINE["deny"] + (sum(map(len, SYSTEM)) if chosen.system else 0)


def gb_seconds(calls, milliseconds, memory):
    return calls * milliseconds / 1000 * memory / 1024


def money(calls, rate, chosen, of):
    """Dollars for a number of calls at an average rate, by item. A rate of 0 means unknown."""
    init, first, warm = times(of, chosen)
    price, cold = PRICE[f"gb_second {chosen.architecture}"], cold_starts(calls, rate, warm)
    requests = CALLS[chosen.keys]
    reads = cold * requests + (calls / rate * fetches_a_second(rate, warm, chosen.keys) if rate else 0)
    key_lines = reads / requests * LINE["keys"] if requests and chosen.level == "INFO" else 0
    log = (calls * line_bytes(chosen) + key_lines) / 1e9
    return {
        "requests": calls * PRICE["request"],
        "duration": gb_seconds(calls - cold, math.ceil(warm), chosen.memory) * price,
        "cold starts": gb_seconds(cold, math.ceil(init + first), chosen.memory) * price,
        "log": log * PRICE["log_gb"],
        "log kept a month": log * COMPRESSED * PRICE["kept_gb"],
        "reads of a secret": reads * PRICE["secret_read"] * (chosen.keys == "secret"),
        "traces": calls * SAMPLED * PRICE["trace"] * chosen.traced,
    }


def target(template):
    """The use of the processors that Lambda aims at on Managed Instances, from deploy/managed-instances.yaml."""
    return int(default(template, "TargetCpuPercent", "deploy/managed-instances.yaml")) / 100


def processors(rate, of, used):
    """Processors for calls per second, of which a share may be used. A call takes the whole warm event, the runtime's
    part included."""
    return rate * of["bundled keys", "warm event"] / 1000 * MARGIN / used


def instances(rate, of, used):
    return max(LEAST, math.ceil(processors(rate, of, used) / PROCESSORS))


def instance_money(count):
    """Dollars a month for instances, and for their management."""
    price = count * PRICE["instance"] * MONTH / HOUR
    return price, price * FEE


def break_even(of, chosen):
    """Calls per second from which the fewest instances cost less than the duration of the calls on Lambda."""
    duration = gb_seconds(1, math.ceil(times(of, chosen)[2]), chosen.memory) * PRICE[f"gb_second {chosen.architecture}"]
    return sum(instance_money(LEAST)) / duration / MONTH


def warm_price(chosen):
    """Dollars for keeping a sandbox warm for one second."""
    return PRICE[f"provisioned {chosen.architecture}"] * chosen.memory / 1024


def fixed(template, chosen):
    """Dollars a month independent of the calls."""
    return {
        f"custom metrics, 8 and {CODES} codes": (8 + CODES) * PRICE["metric"],
        f"alarms, {alarm_metrics(template)} metrics": alarm_metrics(template) * PRICE["alarm"],
        "dashboard": PRICE["dashboard"],
        "secret": PRICE["secret"] * (chosen.keys == "secret"),
    }


def iot_money(connects, minutes):
    return connects * PRICE["message"] + minutes * PRICE["minute"]

"""The tables of a run, and the goals beside their anchors."""

import dataclasses
import math
import statistics

# Where the clients took more of their cores, the rate is theirs.
CLIENT_LIMIT, MARK = 0.9, "*"


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure beside its anchor, each a row and a name, the anchor's with its server. `limit` is the most that their
    ratio may be, or the least if `is_least`; without an anchor, or if `is_absolute`, it is of the figure itself. A gate
    decides; a report is a rate or a time on the wall clock, which other work on the machine changes."""

    name: str
    ours: tuple
    limit: float
    anchor: tuple | None = None
    factor: float = 1
    is_least: bool = False
    is_gate: bool = True
    is_absolute: bool = False


class Figures:
    """What rounds have measured, by server, row and name."""

    def __init__(self):
        self.values = {}

    def add(self, server, row, figures):
        for name, value in figures.items():
            self.values.setdefault((server, row, name), []).append(value)

    def get(self, server, row, name):
        """The median of the rounds; `None` if it was not measured."""
        values = self.values.get((server, row, name))
        return statistics.median(values) if values else None

    def rows(self, name):
        """Pairs of server and row that have a figure, in the order in which they were measured."""
        return [(server, row) for server, row, found in self.values if found == name]


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def significant(value):
    """A figure with three digits at least, unless it is whole, and at most three behind the point."""
    if value is None or value == int(value):
        return shown(value)
    return shown(value, min(3, max(0, 2 - math.floor(math.log10(abs(value))))))


def rate(figures, server, row):
    """A rate, marked where the clients took over 90 % of their cores."""
    value, client = figures.get(server, row, "rate"), figures.get(server, row, "client")
    return significant(value) + (MARK if client > CLIENT_LIMIT else "")


def share(figures, server, row):
    """What the clients took of their cores."""
    return f"{figures.get(server, row, 'client'):.0%}"


def starts(figures, servers):
    """Milliseconds to the last port, and memory when idle."""
    columns = {
        "start": "start, ms", "first start": "first start in an empty folder, ms",
        "large start": "start with a large registry, ms", "idle": "idle, MiB",
        "large idle": "idle with a large registry, MiB"}
    rows = []
    for server in servers:
        cells = [shown(figures.get(server, "start", name), 1 if "idle" in name else 0) for name in columns]
        rows += [[server, *cells]] if any(cells) else []
    return table(["server", *columns.values()], rows)


def connects(figures):
    head = [
        "server, clients with", "CPU a connect, us", "connects a second", "clients, of their cores", "KiB a connection",
        "all, MiB"]
    rows = []
    for server, row in figures.rows("connection"):
        cpu, connection, memory = (figures.get(server, row, name) for name in ("cpu", "connection", "memory"))
        cells = [rate(figures, server, row), share(figures, server, row), shown(connection, 1), shown(memory)]
        rows.append([f"{server}, {row}", shown(cpu), *cells])
    return table(head, rows)


def messages(figures):
    head = ["load", "server", "CPU a message, us", "messages a second", "client, of its core", "p50, ms"]
    found = [(row, server) for server, row in figures.rows("rate") if row.startswith("QoS")]
    order = list(dict.fromkeys(row for row, _ in found))
    rows = []
    for row, server in sorted(found, key=lambda pair: order.index(pair[0])):
        cpu, latency = figures.get(server, row, "cpu"), figures.get(server, row, "latency")
        cells = [shown(cpu, 1), rate(figures, server, row), share(figures, server, row), shown(latency, 2)]
        rows.append([row, server, *cells])
    return table(head, rows)


def first_connects(figures):
    head = [
        "server, devices by", "CPU a device, ms", "devices a second", "clients, of their cores", "connects a device",
        "RSS growth, of the RSS before"]
    rows = []
    for server, row in figures.rows("growth"):
        cpu, connects, growth = (figures.get(server, row, name) for name in ("cpu", "connects", "growth"))
        cells = [rate(figures, server, row), share(figures, server, row), shown(connects, 1), shown(growth, 2)]
        rows.append([f"{server}, {row}", shown(cpu, 2), *cells])
    return table(head, rows)


def goals(figures, all, server, before):
    """The goals of which this run has both figures."""
    head = ["goal", "kind", "before", "now", "anchor", "ratio", "must", "reached"]
    rows = []
    for goal in all:
        ours, anchor = figures.get(server, *goal.ours), figures.get(*goal.anchor) if goal.anchor else None
        if ours is None or (goal.anchor and anchor is None):
            continue
        is_absolute = goal.is_absolute or not goal.anchor
        anchor = anchor and anchor * goal.factor
        compared = ours if is_absolute else ours / anchor
        is_reached = compared >= goal.limit if goal.is_least else compared <= goal.limit
        earlier = figures.get(before, *goal.ours) if before else None
        cells = [significant(value) for value in (earlier, ours, anchor, None if is_absolute else compared)]
        limit = f"{'at least' if goal.is_least else 'at most'} {goal.limit:,.3g}"
        kind, reached = "gate" if goal.is_gate else "report", "yes" if is_reached else "no"
        rows.append([goal.name, kind, *cells, limit, reached])
    return table(head, rows)

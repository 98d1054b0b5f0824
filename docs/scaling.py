#!/usr/bin/env python3
"""Writes the tables of docs/scaling.md from scaling_model.py, docs/performance.md, template.yaml and
deploy/managed-instances.yaml.

`python3 docs/scaling.py` writes them. `--check` only compares, and exits with 1 if the page is out of date. It needs only
Python's standard library.
"""

import dataclasses
import math
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from scaling_model import (  # noqa: E402
    BACK_OFF, CALLS, DAY, FETCH, FLEETS, GUESSES, HOUR, LEAST, LIMIT, LIMITS, MONTH, PRICE, PRICES,
    attempts, break_even, busy, calls_a_second, calls_of_session, cold_starts, cold_wait, connects_a_second, fetches_a_second, fixed, instance_money, instances,
    iot_money, line_bytes, measured, money, opened, processors, sandboxes, setting, stop, taken, target, times, warm_price,
)

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/scaling.md"


def number(value):
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:.2g}" if value < 1 else f"{value:.2f}"


def dollars(value):
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}" if value >= 0.01 else f"${value:.4f}" if value else "-"


def percent(share):
    return f"{100 * share:+.0f} %" if abs(share) >= 0.005 else "the same"


def table(*rows):
    head, *body = [[str(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body))


def short(of, chosen):
    init, first, warm = times(of, chosen)
    parts = money(1e6, 0, chosen, of)
    total, wait = sum(parts.values()), cold_wait(init, first)
    secret = cold_wait(*times(of, dataclasses.replace(chosen, keys="secret"))[:2])
    items = (
        f"- A million calls of the function cost about **{dollars(total)}**, {dollars(parts['log'])} of it for the log. AWS IoT itself charges {dollars(iot_money(1e6, 60e6))} for a million connections of one hour.",
        f"- A call is billed as {math.ceil(warm)} ms, the first call of a new sandbox as {math.ceil(init + first)} ms. The client of a first call waits {number(wait)} s, with a secret {number(secret)} s; AWS IoT allows 5 s.",
        f"- The first limit is not the function but AWS IoT's {LIMIT['connects']:,} connects per second: {LIMIT['connects'] * BACK_OFF:,} clients that reconnect within {BACK_OFF} s. For a new account, the concurrency is reached earlier.",
        f"- Avoid storms in the clients: use a random first delay within *clients / {LIMIT['connects']:,}* seconds or more.",
    )
    return "\n".join(textwrap.fill(item, 120, subsequent_indent="  ", break_on_hyphens=False) for item in items)


def price_table():
    shown = lambda value: f"${value:.10f}".rstrip("0") if value < 1e-3 else f"${value:.2f}"
    return table(("item", "dollars", "page", "evidence"), *((what, shown(value), f"[AWS]({page})", seen) for _, value, what, page, seen in PRICES))


def limit_table():
    return table(("limit", "value", "page", "evidence"), *((what, f"{value:,}", f"[AWS]({page})", seen) for _, value, what, page, seen in LIMITS))


def guess_table():
    return table(("input", "value", "source"), *((what, f"{value:,}" if isinstance(value, int) else value, source) for what, value, source in GUESSES))


def time_table(of, chosen):
    rows = [("keys", "INIT, ms", "first call, ms", "warm call, ms", "billed cold, ms", "billed warm, ms", "wait of a client with a new sandbox, s")]
    for keys in FETCH:
        init, first, warm = times(of, dataclasses.replace(chosen, keys=keys))
        rows.append((keys, number(init), number(first), number(warm), math.ceil(init + first), math.ceil(warm), number(cold_wait(init, first))))
    return table(*rows)


def fleet_table(of, chosen, template):
    init, first, warm = times(of, chosen)
    wait, rows = cold_wait(init, first), {}
    for fleet in FLEETS:
        rate, offered = calls_a_second(fleet), fleet.clients / fleet.storm
        storm, calls = taken(offered), rate * MONTH
        connects, online = connects_a_second(fleet) * MONTH, fleet.clients * fleet.sessions * fleet.seconds / DAY
        for_calls, always = sum(money(calls, rate, chosen, of).values()), sum(fixed(template, chosen).values())
        ready = sandboxes(storm, warm)
        steady, new = sandboxes(rate, warm), opened(storm, wait, warm, fleet.clients)
        for name, cell in (
            ("concurrent connections", number(online)),
            ("a connection: seconds, refresh, calls", f"{fleet.seconds:,.0f}, {fleet.refresh:,.0f}, {calls_of_session(fleet.seconds, fleet.refresh)}"),
            ("connects per second", number(connects_a_second(fleet))),
            ("calls per second", number(rate)),
            ("concurrent calls, by duration", number(busy(rate, warm))),
            ("sandboxes", steady),
            ("cold starts a month without storms", number(cold_starts(calls, rate, warm))),
            ("storm: duration, s", f"{fleet.storm:,.0f}"),
            ("storm: connects per second", number(storm)),
            ("storm: concurrent calls, by duration", number(busy(storm, warm))),
            ("storm: cold starts", f"{new:,}, {number(100 * new / fleet.clients)} %"),
            ("storm: warm sandboxes that avoid these cold starts; price of an hour", f"{ready:,}; {dollars(ready * warm_price(chosen) * HOUR)}"),
            ("secret: reads per second; at the start of a storm", f"{number(fetches_a_second(rate, warm, 'secret'))}; {number(storm * CALLS['secret'])}"),
            ("`oidc`: requests per second; at the start of a storm", f"{number(fetches_a_second(rate, warm, 'oidc'))}; {number(storm * CALLS['oidc'])}"),
            ("calls a month, millions", number(calls / 1e6)),
            ("log a month, GB", number(calls * line_bytes(chosen) / 1e9)),
            ("**a month, calls**", f"**{dollars(for_calls)}**"),
            ("a month, fixed", dollars(always)),
            ("**a million connects, in total**", f"**{dollars((for_calls + always) / connects * 1e6)}**"),
            ("AWS IoT itself a month, connections and CONNECTs", dollars(iot_money(connects, online * MONTH / 60))),
        ):
            rows.setdefault(name, [name]).append(cell)
    return table(["", *(fleet.name for fleet in FLEETS)], *rows.values())


def spread_table(of, chosen):
    init, first, warm = times(of, chosen)
    wait, rows = cold_wait(init, first), [("clients", "spread over, s", "offered per second", "accepted per second", "rejected at first", "sandboxes opened", "all connected after, s, at best")]
    for fleet in FLEETS:
        for spread in (1, 60, 600):
            offered = fleet.clients / spread
            got = taken(offered)
            rows.append((f"{fleet.clients:,}", spread, number(offered), number(got), f"{100 * (1 - got / offered):.0f} %", f"{opened(got, wait, warm, fleet.clients):,}", number(fleet.clients / got)))
    return table(*rows)


def backoff_table():
    rows = [("clients", f"attempts each, back-off to {BACK_OFF} s", "sufficient back-off, s", "sufficient spread, s")]
    for fleet in FLEETS:
        rows.append((f"{fleet.clients:,}", number(attempts(fleet.clients)), number(2 * fleet.clients / LIMIT["connects"]), number(fleet.clients / LIMIT["connects"])))
    return table(*rows)


def first_table(of, chosen):
    init, first, warm = times(of, chosen)
    wait = cold_wait(init, first)
    rate = LIMIT["connects"]
    secret = cold_wait(*times(of, dataclasses.replace(chosen, keys="secret"))[:2])
    oidc = cold_wait(*times(of, dataclasses.replace(chosen, keys="oidc"))[:2])
    return table(
        ("limit", "reached at", "symptom", "remedy"),
        ("a new account's concurrency, 10 for example", f"{number(10 / wait)} new connects per second while all sandboxes are cold; {10 * LIMIT['a_sandbox']} calls per second", "Throttles alarm; the client is denied", "ask for the quota before the launch"),
        ("connects of AWS IoT", f"{rate:,} clients that connect in one second; {rate * BACK_OFF:,} over {BACK_OFF} s", "`Connect.Throttle` in `AWS/IoT`; the function is not called", "spread; ask for the quota"),
        ("connections of AWS IoT", f"{LIMIT['connections']:,} clients", "connects fail while others succeed", "ask for the quota"),
        ("concurrency, while all sandboxes are cold", f"{number(LIMIT['concurrency'] / wait)} new connects per second with bundled keys, {number(LIMIT['concurrency'] / secret)} with a secret, {number(LIMIT['concurrency'] / oidc)} with `oidc`", "Throttles alarm", "bundled keys; `ProvisionedConcurrency`; the quota"),
        ("calls per second of Lambda", f"{LIMIT['concurrency'] * LIMIT['a_sandbox']:,} calls per second, refreshes included", "Throttles alarm", "a longer refresh; the quota"),
        ("reads of Secrets Manager", f"{number(LIMIT['reads'] / CALLS['secret'])} cold starts per second", "`keys_missing`, KeysUnavailable alarm", "a `file:` source before the secret"),
        ("the issuer's limits", f"{rate * CALLS['oidc']:,} key requests per second at the start of the largest storm that AWS IoT accepts; {rate:,} tokens per second for its clients", "`keys_missing`; logins that fail", "a `file:` source before `oidc`; spread; keep a token that is still valid"),
    )


def million_table(of, chosen):
    shown = [("arm64", chosen), ("x86-64", dataclasses.replace(chosen, architecture="x86_64"))]
    parts = {name: money(1e6, 0, one, of) for name, one in shown}
    rows = [(part, *(dollars(parts[name][part]) for name, _ in shown)) for part in parts["arm64"] if any(parts[name][part] for name, _ in shown)]
    total = ("**a million calls**", *(f"**{dollars(sum(parts[name].values()))}**" for name, _ in shown))
    beside = [(f"in addition, AWS IoT: a million connects of {what}", *[dollars(iot_money(1e6, 1e6 * minutes))] * 2) for what, minutes in (("10 minutes", 10), ("an hour", 60), ("a day", 1440))]
    return table(("part", *(name for name, _ in shown)), *rows, total, *beside)


def fixed_table(template, chosen):
    parts = fixed(template, dataclasses.replace(chosen, keys="secret"))
    price = warm_price(chosen)
    return table(
        ("fixed costs of a month", "dollars"), *((name, dollars(value)) for name, value in parts.items()),
        (f"a sandbox of {chosen.memory} MB kept warm all month", dollars(price * MONTH)), ("100 of them for an hour", dollars(100 * price * HOUR)),
    )


def managed_table(of, chosen, managed):
    """For each fleet a column of Lambda and one of Managed Instances, whose instances also serve the storm."""
    used = target(managed)
    head, rows = ["a month"], {}
    for fleet in FLEETS:
        rate, storm = calls_a_second(fleet), taken(fleet.clients / fleet.storm)
        parts = money(rate * MONTH, rate, chosen, of)
        count = instances(max(rate, storm), of, used)
        price, fee = instance_money(count)
        compute, log = parts["duration"] + parts["cold starts"], parts["log"] + parts["log kept a month"]
        head += [f"{fleet.name}: Lambda", "Managed Instances"]
        for name, *cells in (
            ("processors that the storm needs", "-", number(processors(storm, of, used))),
            ("sandboxes in the storm", f"{max(sandboxes(storm, times(of, chosen)[2]), opened(storm, cold_wait(*times(of, chosen)[:2]), times(of, chosen)[2], fleet.clients)):,}", count),
            ("cold starts that a client waits for in the storm", f"{opened(storm, cold_wait(*times(of, chosen)[:2]), times(of, chosen)[2], fleet.clients):,}", 0),
            ("requests", *[dollars(parts["requests"])] * 2),
            ("duration", dollars(compute), "-"),
            ("instances", "-", f"{dollars(price)} for {count}"),
            ("management fee", "-", dollars(fee)),
            ("log", *[dollars(log)] * 2),
            ("**total**", f"**{dollars(parts['requests'] + compute + log)}**", f"**{dollars(parts['requests'] + price + fee + log)}**"),
        ):
            rows.setdefault(name, [name]).extend(cells)
    return table(head, *rows.values())


def managed_text(of, chosen, managed):
    rate = break_even(of, chosen)
    text = (
        f"The duration that {LEAST} instances save costs as much as they do from {number(rate)} calls per second on, day and night, which is {number(rate * MONTH / 1e9)} billion a month. "
        f"That rate needs {number(processors(rate, of, target(managed)))} processors."
    )
    return textwrap.fill(text, 120, break_on_hyphens=False)


def savings_table(of, chosen):
    change = lambda **more: dataclasses.replace(chosen, **more)
    fleet = FLEETS[-1]
    variants = [
        ("the template's defaults", fleet, chosen),
        ("`refresh_after_seconds = 86400`", dataclasses.replace(fleet, refresh=86400), chosen),
        ("`refresh_after_seconds = 300`", dataclasses.replace(fleet, refresh=300), chosen),
        ("`LogLevel: WARN`", fleet, change(level="WARN")),
        ("`SystemLogLevel: INFO`", fleet, change(system=True)),
        ("`MemorySize: 128`", fleet, change(memory=128)),
        ("`MemorySize: 512`", fleet, change(memory=512)),
        ("`MemorySize: 1769`", fleet, change(memory=1769)),
        ("`Architecture: x86_64`", fleet, change(architecture="x86_64")),
        ("keys only from a secret", fleet, change(keys="secret")),
        ("`Tracing: Active`", fleet, change(traced=True)),
    ]
    rows = []
    for name, who, how in variants:
        rate = calls_a_second(who)
        parts = money(rate * MONTH, rate, how, of)
        lambdas = parts["requests"] + parts["duration"] + parts["cold starts"]
        log = parts["log"] + parts["log kept a month"]
        other = parts["reads of a secret"] + parts["traces"]
        total = lambdas + log + other
        base = rows[0][-1] if rows else total
        rows.append((name, number(rate * MONTH / 1e6), dollars(lambdas), dollars(log), dollars(other), dollars(total), percent(total / base - 1) if rows else "", total))
    return table(("1,000,000 devices, a month", "calls, millions", "Lambda", "log", "other", "total", "change"), *(row[:-1] for row in rows))


def tables():
    template = (ROOT / "template.yaml").read_text()
    managed = (ROOT / "deploy/managed-instances.yaml").read_text()
    of, chosen = measured((ROOT / "docs/performance.md").read_text()), setting(template)
    return {
        "short": short(of, chosen), "prices": price_table(), "limits": limit_table(), "guesses": guess_table(), "times": time_table(of, chosen), "fleets": fleet_table(of, chosen, template),
        "spread": spread_table(of, chosen), "back-off": backoff_table(), "first": first_table(of, chosen), "million": million_table(of, chosen),
        "fixed": fixed_table(template, chosen), "savings": savings_table(of, chosen),
        "managed": managed_table(of, chosen, managed), "break-even": managed_text(of, chosen, managed),
    }


def written(page, made):
    """The page with each table between its markers. Tables and markers must correspond."""
    places = re.findall(r"^<!-- table: (\S+) -->$", page, re.M)
    if sorted(places) != sorted(made):
        stop(f"the page has places for {sorted(places)}, expected {sorted(made)}")
    for name, text in made.items():
        page, places = re.subn(rf"(<!-- table: {name} -->\n)[^<]*(<!-- end -->)", lambda found: f"{found[1]}{text}\n{found[2]}", page)
        if places != 1:
            stop(f"the table {name} has no end")
    return page


def main():
    page = PAGE.read_text()
    now = written(page, tables())
    if "--check" not in sys.argv:
        PAGE.write_text(now)
    elif now != page:
        wrong = next((f"- {old}\n+ {new}" for old, new in zip(page.splitlines(), now.splitlines()) if old != new), "")
        stop(f"docs/scaling.md is behind its figures; run python3 docs/scaling.py\n{wrong}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures everything in one run, on one processor, and writes the tables of docs/performance.md: `benches/figures.py [PROCESSOR]`. The words around the tables are
written by hand; each table stands between `<!-- figures: NAME -->` and `<!-- end -->`.

Takes some ten minutes beside the building, on a machine that does nothing else.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import page

ROOT = pathlib.Path(__file__).resolve().parents[1]
BASELINES = ROOT / "tests/outside/instructions/baselines.json"
CARGO = os.environ.get("CARGO", "cargo")
CRITERION = ["authorize", "stages", "keys"]


def run(*command):
    print("$", *command, flush=True)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def tables(text):
    """The tables in a text, each with its rows as lists of cells by their first."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.M):
        rows = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in block.strip().splitlines()]
        found.append((block.strip(), {row[0]: row for row in rows}))
    return found


def goals(criterion, load, cold, counted, size):
    """What was measured beside what it must be and what we would like."""
    algorithms, one, starts = criterion[0][1], load[0][1], cold[0][1]
    call, start = (counted[name] - counted["call: echo"] for name in ("call: RS256",)), counted["start: the example"] / counted["start: echo"]
    rows = [
        ("decision, RS256, in process, of its bare check", algorithms["RS256"][3], "1.35", "1.20"),
        ("decision, ES256, of its bare check", algorithms["ES256"][3], "1.10", "1.06"),
        ("warm answer, RS256, p50, of echo", one["RS256"][2], "2.85", "2.45"),
        ("warm answer, ES256, p50, of echo", one["ES256"][2], "5.6", "5.0"),
        ("instructions a call beside echo, RS256", f"{next(call):,}", "410,000", "365,000"),
        ("refusal before the signature (no token), beside echo, us", f"{one['no token'][3]}; {one['no token, no log'][3]} without the log line", "3", "1.5"),
        ("start to first poll, bundled keys, of echo", starts["bundled keys"][2], "1.25", "1.15"),
        ("instructions at start, the example as packed, of echo", f"{start:.3f}", "2.3", "1.7"),
        ("first event after the start, of a warm one", starts["bundled keys"][4], "3", "2"),
        ("start with a secret, plain loopback, of echo", starts["a secret, plain loopback"][2], "2.0", "1.7"),
        ("start with a secret over TLS, of echo", starts["a secret over TLS"][2], "3.3", "2.9"),
        ("peak memory, bundled / secret over TLS, kB", f"{starts['bundled keys'][6]} / {starts['a secret over TLS'][6]}", "6,500 / 9,500", "4,300 / 6,300"),
        ("`bootstrap`, stripped, bytes", f"{size:,}", "7,500,000", "6,000,000"),
    ]
    return "| figure | measured | must | goal |\n| --- | --- | --- | --- |\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def instructions(counted):
    def row(name, figure):
        floor = counted[f"{name.split(':')[0]}: echo"]
        return f"| {name} | {figure:,} | {figure / floor:.2f} | {figure - floor:,} |"

    head = "| counted | instructions; of memory kB | of echo's | beside echo's |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(row(name, figure) for name, figure in counted.items())


def main():
    pinned = ["taskset", "-c", sys.argv[1] if len(sys.argv) > 1 else "1", CARGO, "bench", "--locked"]
    run(CARGO, "bench", "--locked", "--no-run", *(argument for name in [*CRITERION, "load", "cold_start"] for argument in ("--bench", name)))
    cold = run(*pinned, "--bench", "cold_start")
    load = run(*pinned, "--bench", "load", "--", "3000")
    for name in CRITERION:
        run(*pinned, "--bench", name, "--", "--warm-up-time", "0.3", "--measurement-time", "3")
    criterion = tables(run(sys.executable, "benches/plots.py"))
    counted = json.loads(BASELINES.read_text())["figures"]
    size = int(re.search(r"^bootstrap: (\d+)", cold, re.M)[1])
    cold, load = tables(cold), tables(load)
    blocks = {"goals": goals(criterion, load, cold, counted, size), "starts": cold[0][0], "cold starts": cold[1][0], "one": load[0][0], "several": load[1][0], "at once": load[2][0], "instructions": instructions(counted)}
    blocks |= {next(iter(rows)): block for block, rows in criterion}
    page.write(blocks, lambda name: not name.startswith("peers "))
    print(blocks["goals"])


main()

#!/usr/bin/env python3
"""Compares `cargo local` with its peers in one run, and writes the tables of docs/performance.md.

    IOT_LOCAL=… BOOTSTRAP=… IOT_PROVISION=… target/test-venv/bin/python benches/peers.py [--write]

Needs built programs and mosquitto (Debian 12), and installs the other peers in `target/`. Rounds are
interleaved: each measures all servers, one after the other. Figures are medians of the rounds.
"""

import argparse
import datetime
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import textwrap
import time

BENCHES = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(BENCHES / "peers"), str(BENCHES.parent / "tests/outside")]

import page  # noqa: E402
import rows  # noqa: E402
import servers  # noqa: E402
import table  # noqa: E402
from goals import GOALS, JITP, JITP_LARGE, JITR, OPTIMISED, OURS  # noqa: E402
from lib.paths import TEMPORARY  # noqa: E402

BEFORE = "`cargo local` before"
COLUMNS = 120
PARTS = ["starts", "connects", "messages", "jitp", "jitr", "kill"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="PROGRAM", help="an earlier `iot-local` to compare with")
    parser.add_argument("--optimised", metavar="PROGRAM", help="an `iot-local` of the same source, optimised")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="client processes of connects")
    parser.add_argument("--registered", type=int, help="devices in the large registry [default: 10,000]")
    parser.add_argument("--only", metavar="ROWS", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="few operations, for development")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/performance.md")
    options = parser.parse_args()
    if options.write and (options.quick or options.only != ",".join(PARTS)):
        parser.error("--write needs a whole run, without --quick and --only")
    return options


def built(name):
    """The path of a built program that a variable names."""
    if name not in os.environ:
        raise SystemExit(f"{name} is not set; expected the path of a built program")
    return os.environ[name]


def copied(path, folder):
    """A copy of a program: pages that it shares with processes outside of the run would not count as its memory."""
    copy = pathlib.Path(tempfile.mkdtemp(dir=folder), pathlib.Path(path).name)
    shutil.copy(path, copy)
    return copy


def gateways(options, folder):
    bootstrap = copied(built("BOOTSTRAP"), folder)
    named = {OURS: built("IOT_LOCAL"), BEFORE: options.before, OPTIMISED: options.optimised}
    return [servers.Gateway(title, copied(path, folder), bootstrap) for title, path in named.items() if path]


def say(line):
    print(line, file=sys.stderr, flush=True)


class Run:
    """One run: its servers and what has been measured."""

    def __init__(self, options, folder):
        self.options, self.parts, self.load = options, options.only.split(","), os.getloadavg()[0]
        if unknown := set(self.parts) - set(PARTS):
            raise SystemExit(f"unknown rows {', '.join(unknown)}; expected some of {', '.join(PARTS)}")
        sizes = dict(rows.QUICK) if options.quick else {}
        if options.registered:
            sizes["registered"] = options.registered
        self.sizes = rows.Sizes(options.processes, **sizes)
        self.gateways, self.mosquitto = gateways(options, folder), servers.Mosquitto(copied(servers.MOSQUITTO, folder))
        self.ministack, self.moto = servers.Ministack(), servers.Moto()
        self.provision = copied(built("IOT_PROVISION"), folder) if "jitr" in self.parts else None
        self.figures = table.Figures()
        self.seeded = {}
        if {"starts", "jitp"} & set(self.parts):
            # Of the first gateway. The others read copies.
            ours = self.gateways[0]
            for name, count in ((JITP, 0), (JITP_LARGE, self.sizes.registered)):
                part = folder / str(len(self.seeded))
                part.mkdir()
                self.seeded[name] = self.timed(ours, f"{count} devices", rows.Seeded, ours, count, self.sizes, part)

    def timed(self, server, row, measure, *values):
        start = time.monotonic()
        result = measure(*values)
        seconds, load = time.monotonic() - start, os.getloadavg()[0]
        say(f"{datetime.datetime.now():%H:%M:%S} {server.title}, {row}: {seconds:.0f} s, load {load:.1f}")
        return result

    def add(self, server, row, measure, *values):
        figures = self.timed(server, row, measure, *values)
        say(f"    {figures}")
        self.figures.add(server.title, row, figures)

    def round(self):
        for part in self.parts:
            getattr(self, part)()

    def starts(self):
        for server in [*self.gateways, self.mosquitto, self.ministack, self.moto]:
            self.add(server, "start", rows.start_row, server, self.sizes)
        for gateway in self.gateways:
            self.add(gateway, "start", rows.start_row, gateway, self.sizes, self.seeded[JITP_LARGE])

    def connects(self):
        for server in [*self.gateways, self.mosquitto, self.ministack]:
            for row, credential in server.credentials().items():
                self.add(server, row, rows.connect_row, server, credential, self.sizes)

    def messages(self):
        for server in [*self.gateways, self.mosquitto, self.ministack]:
            credential = next(iter(server.credentials().values()))
            loads = self.timed(server, "messages", rows.message_rows, server, credential, self.sizes)
            for row, figures in loads.items():
                say(f"    {row}: {figures}")
                self.figures.add(server.title, row, figures)

    def jitp(self):
        for gateway in self.gateways:
            for row in (JITP, JITP_LARGE):
                self.add(gateway, row, rows.template_row, gateway, self.sizes, self.seeded[row])

    def jitr(self):
        for gateway in self.gateways:
            self.add(gateway, JITR, rows.function_row, gateway, self.sizes, self.provision)
        self.add(self.ministack, JITR, rows.lambda_row, self.ministack, self.sizes)

    def kill(self):
        for server in [*self.gateways, self.ministack]:
            self.add(server, "kill", rows.kill_row, server, self.sizes)

    def blocks(self):
        titles = [server.title for server in [*self.gateways, self.mosquitto, self.ministack, self.moto]]
        return {
            "peers run": self.about(), "peers goals": table.goals(self.figures, GOALS, OURS, BEFORE),
            "peers starts": table.starts(self.figures, titles), "peers connects": table.connects(self.figures),
            "peers messages": table.messages(self.figures), "peers first connects": table.first_connects(self.figures)}

    def about(self):
        """When, with which versions, and how much."""
        sizes, peers = self.sizes, ", ".join(server.title for server in (self.mosquitto, self.ministack, self.moto))
        count = self.options.rounds
        rounds = f"Figures are medians of {count} rounds." if count > 1 else "There was one round."
        about = (
            f"Run on {datetime.date.today()} on {os.cpu_count()} processors, with {peers}. {rounds} Each had"
            f" {sizes.connects:,} connects, {sizes.seconds:g} s of each load of messages,"
            f" {sizes.first_connects:,} devices by JITP and {sizes.functions:,} by JITR. The large registry had"
            f" {sizes.registered:,} devices. {sizes.processes} client processes made the connects. The load average"
            f" before the run was {self.load:.1f}.")
        return textwrap.fill(about, COLUMNS)


def main():
    options = arguments()
    # Servers end with the run, also with one that is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    servers.check_mosquitto()
    servers.install()
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        run = Run(options, pathlib.Path(folder))
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            run.round()
    blocks = run.blocks()
    for name, block in blocks.items():
        print(f"<!-- figures: {name} -->\n{block}\n<!-- end -->\n")
    if options.write:
        page.write(blocks, lambda name: name.startswith("peers "))


if __name__ == "__main__":
    main()

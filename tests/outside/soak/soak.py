"""Hundreds of clients of all kinds for an hour, while functions, the key server and the gateway itself are killed and
malformed packets arrive; or a storm in which the gateway is killed 200 times. docs/soak.md has promises and figures.

soak.py --minutes 60 --clients 500    the hour: a command, no part of `./test`
soak.py --kills 200                   the storm
soak.py --kills 6 --clients 40        what `./test soak` runs, with broken.py
"""

import argparse
import asyncio
import contextlib
import dataclasses
import datetime
import os
import pathlib
import random
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
# After this folder, which has files of the same names.
sys.path += [str(HERE.parent), str(HERE.parent / "devices"), str(HERE.parent / "cognito")]
import figures
import hostile
import ledger
import newcomers
import sessions
import stand as stands
from fleet_of_clients import clients_of
from lib.checks import check, check_none, finish
from lib.paths import TEMPORARY
from writers import Writer, write

HARNESS = "the harness has no error"
PROMISES = [
    sessions.ANSWERED, sessions.EXPECTED, sessions.DELIVERED, sessions.HELD, ledger.LOST, ledger.HALF,
    ledger.UNANSWERED, ledger.REJECTED, hostile.ENDED, stands.ORPHANS, stands.CRASHES, HARNESS]
# For the gateway to end connections, and for the broker to forget them: after the hour, after the storm.
IDLE_SECONDS, SHORT_IDLE_SECONDS = 20, 2
PROGRESS_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Load:
    """Seconds: how long a client is connected and away, the mean pause of a writer, between samples, and between kills
    of the gateway, of a function and of the key server. Then the number of tasks of a kind."""

    hold: tuple
    away: tuple
    pause: float
    sample: float
    gateway: tuple
    function: tuple
    keys: tuple
    writers: int
    newcomers: int
    hostile: int


HOUR = Load((5, 60), (5, 60), 1.0, 5, (40, 100), (15, 45), (60, 120), writers=3, newcomers=2, hostile=2)
STORM = Load((0.2, 3), (0.2, 3), 0.05, 0.5, (0.2, 2.5), (1, 4), (5, 15), writers=4, newcomers=2, hostile=1)
# Of the hour, the share in which the gateway is killed. In the rest it lives on, so that its memory can be measured.
KILLED_SHARE = 0.4


async def guarded(stand, job):
    """Reports an error of the harness itself at once."""
    try:
        await job
    except Exception as error:
        stand.counts.violation(HARNESS, " ".join("".join(traceback.format_exception(error)).split())[-500:])


async def pause(stop, seconds):
    """Waits, but not beyond the end of the run."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def repeat(stand, client, load, choices, stop):
    """A client's sessions until the run stops."""
    await pause(stop, choices.uniform(0, load.away[1]))
    while not stop.is_set():
        await stand.up.wait()
        await client.session(choices.uniform(*load.hold))
        await pause(stop, choices.uniform(*load.away))


async def kill_gateways(stand, load, choices, kills, seconds):
    """Kills the gateway so often, or for so many seconds."""
    end = time.monotonic() + seconds
    while stand.counts.numbers["kills of the gateway"] < kills:
        await asyncio.sleep(choices.uniform(*load.gateway))
        if time.monotonic() > end:
            return
        await stand.kill_gateway()


async def kill_others(stand, load, choices, stop):
    async def functions():
        while not stop.is_set():
            await asyncio.sleep(choices.uniform(*load.function))
            if stand.up.is_set():
                stand.kill_function(choices)

    async def keys():
        while not stop.is_set():
            await asyncio.sleep(choices.uniform(*load.keys))
            await stand.kill_key_server(choices.uniform(1, 8))

    await asyncio.gather(functions(), keys())


async def sample(stand, load, start, stop):
    shown = start
    while not stop.is_set():
        if stand.up.is_set():
            stand.sample()
            stand.look()
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            last, numbers = stand.lives[-1][-1], stand.counts.numbers
            print(
                f"{(shown - start) / 60:.0f} min: {stand.connected} clients connected, {last.memory:.1f} MiB, "
                f"{last.descriptors} descriptors, {numbers['changes acknowledged']} changes, "
                f"{numbers['kills of the gateway']} kills of the gateway", flush=True)
        await asyncio.sleep(load.sample)


async def play(stand, options):
    """The whole run. Returns the samples of the last life of the gateway, and the seconds of the run."""
    load = STORM if options.kills else HOUR
    choices = random.Random(options.seed)
    # Each task has choices of its own, so that they do not depend on the order of events.
    def own():
        return random.Random(choices.random())

    await stand.open()
    stand.gate.set()
    await newcomers.prepare(stand)
    clients = await clients_of(stand, options.clients)
    stand.sample()
    writers = [Writer(stand, number, own()) for number in range(load.writers)]
    for writer in writers:
        await writer.prepare()
    claims = [await newcomers.claim(stand, number) for number in range(load.newcomers)]
    stop, start = asyncio.Event(), time.monotonic()
    jobs = [repeat(stand, client, load, own(), stop) for client in clients]
    jobs += [write(writer, load.pause, stop) for writer in writers]
    for number, claim in enumerate(claims):
        jobs.append(newcomers.first_connects(stand, number, own(), 5 * load.pause, stop))
        jobs.append(newcomers.fleet_provisioning(stand, number, claim, own(), 5 * load.pause, stop))
    jobs += [hostile.send_malformed(stand, number, own(), load.pause, stop) for number in range(load.hostile)]
    tasks = [asyncio.create_task(guarded(stand, job)) for job in jobs]
    others = [kill_others(stand, load, own(), stop), sample(stand, load, start, stop)]
    others = [asyncio.create_task(guarded(stand, job)) for job in others]
    if options.kills:
        await kill_gateways(stand, load, own(), options.kills, float("inf"))
    else:
        await kill_gateways(stand, load, own(), float("inf"), options.minutes * 60 * KILLED_SHARE)
        await asyncio.sleep(options.minutes * 60 - (time.monotonic() - start))
    stop.set()
    for task in others:
        task.cancel()
    await asyncio.gather(*tasks)
    idle = asyncio.get_running_loop().time() + (SHORT_IDLE_SECONDS if options.kills else IDLE_SECONDS)
    while asyncio.get_running_loop().time() < idle:
        await asyncio.sleep(1)
        stand.sample()
    # The last life ends by a kill, too: what was acknowledged in it is checked.
    last = stand.lives[-1]
    await stand.kill_gateway()
    return last, time.monotonic() - start


def report(stand, options, last, seconds):
    """Prints the counts, and counts each promise as a check."""
    counts = stand.counts
    now = datetime.datetime.now(datetime.timezone.utc)
    print(f"\n{now:%Y-%m-%d %H:%M} UTC, seed {options.seed}, {options.clients} clients, {seconds / 60:.1f} minutes")
    print("| connects | answers |\n| --- | --- |")
    for kind, answers in sorted(counts.connects.items()):
        print(f"| {kind} | {', '.join(f'{count:,} {answer}' for answer, count in answers.most_common())} |")
    print("\n| count | |\n| --- | --- |")
    for name, number in sorted(counts.numbers.items()):
        print(f"| {name} | {number:,} |")
    starts = sorted(stand.starts)
    print(f"\nfrom a kill to an answer: median {starts[len(starts) // 2]:.1f} s, maximum {starts[-1]:.1f} s")
    print(f"last life of the gateway: {len(last)} samples in {last[-1].seconds / 60:.1f} minutes\n"
        "| | first | median | maximum | last | slope, an hour |\n| --- | --- | --- | --- | --- | --- |")
    for title, *values in figures.table_of_life(last):
        print(f"| {title} | {' | '.join(f'{value:.1f}' for value in values)} |")
    print()
    for promise in PROMISES:
        check_none(promise, counts.broken[promise], figures.MAX_EXAMPLES)
    check_none("memory and descriptors are flat", figures.growth_errors(last))
    wanted, numbers = options.kills or 1, counts.numbers
    is_killed = numbers["kills of the gateway"] > wanted and numbers["kills of a function"] > 0
    check("the kills were made", is_killed, str(numbers))
    is_changed = numbers["changes acknowledged"] > 10 * wanted and numbers["changes checked"] > 10 * wanted
    check("changes were acknowledged and checked", is_changed, str(numbers))
    connected = {kind for kind, answers in counts.connects.items() if answers[sessions.CONNECTED]}
    denied = {kind for kind in counts.connects if kind.startswith("denied")}
    answers = [answer for kind in counts.connects.values() for answer in kind.elements()]
    late = answers.count(sessions.LATE)
    check("at most one connect in 100 has no TLS in 10 seconds", late <= len(answers) / 100, str(late))
    is_complete = connected == counts.connects.keys() - denied
    check("each kind of client connects, except those that are denied", is_complete, str(connected))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--clients", type=int)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.clients = given.clients or (60 if given.kills else 500)
    return given


async def run(options):
    with tempfile.TemporaryDirectory(dir=TEMPORARY, ignore_cleanup_errors=True) as folder:
        stand = stands.Stand(pathlib.Path(folder))
        try:
            last, seconds = await play(stand, options)
        except BaseException:
            # Hundreds of tasks would wait for a gateway that is gone.
            traceback.print_exc()
            stand.close()
            os._exit(1)
        stand.close()
    report(stand, options, last, seconds)


def main():
    options = arguments()
    print(f"seed {options.seed}", flush=True)
    asyncio.run(run(options))
    finish()


if __name__ == "__main__":
    main()

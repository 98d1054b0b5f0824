"""Fetches during the life of a sandbox: they follow a response, a server that hangs delays no usable key, and a
frozen sandbox recovers."""

import os
import signal
import statistics
import time

from lib.checks import check
from lib.keys import key_set, new_key
from sandbox import Sandbox, issuer, token
from servers import KeyServer

# A source is due after 0.8 to 1.0 of `refresh_seconds`, which is 1 here.
DUE_SECONDS = 1.1
# The time in which the authorizer waits for a fetch.
BUDGET_SECONDS = 2


def configuration(server):
    return issuer([f"jwks:{server.url}/keys"], more="refresh_seconds = 1")


def timed_decision(sandbox, token):
    """The outcome, the number of fetches that it waited for, and the seconds from the event to the response."""
    sandbox.wait_idle()
    start = time.monotonic()
    return sandbox.decide(token), sandbox.awaited_fetches, time.monotonic() - start


def hang():
    """The key server accepts the request, and never responds."""
    key = new_key("one")
    server = KeyServer(key_set(key))
    with Sandbox(configuration(server)) as sandbox:
        usual = [timed_decision(sandbox, token(key)) for _ in range(50)]
        server.hold()
        time.sleep(DUE_SECONDS)
        requests = len(server.requests)
        due = timed_decision(sandbox, token(key))
        # Sent at once: the refresh is under way, and the function polls for the next event after it.
        start = time.monotonic()
        next_code = sandbox.decide(token(key))
        waited = time.monotonic() - start
        sandbox.wait_idle()
        last_event = sandbox.key_events()[-1]
        check("a key server that hangs delays no response while keys are cached", [code for code, _, _ in [*usual, due]] == ["allow"] * 51, due)
        check("that response waited for no fetch, and the fetch was made", due[1] == 0 and len(server.requests) > requests, due)
        check("the next event is allowed", next_code == "allow", next_code)
        check("it waits for no longer than the budget", waited < BUDGET_SECONDS + 1, f"{waited:.2f} s")
        check("the log has the reason", last_event[0] == "keys_kept" and "no response in time" in last_event[1], last_event)
        ordinary = statistics.median(seconds for _, _, seconds in usual)
        print(f"    response after {due[2] * 1000:.1f} ms with the refresh due and hanging, {ordinary * 1000:.1f} ms with none due; "
              f"the next event's after {waited:.2f} s, of {BUDGET_SECONDS} s at most")
        server.release()
        time.sleep(2 * DUE_SECONDS)
        codes = [sandbox.decide(token(key)) for _ in range(2)]
        sandbox.wait_idle()
        check("the server responds again: the keys are refreshed", sandbox.key_events()[-1][0] == "keys_same" and codes == ["allow"] * 2 and not sandbox.problems(),
              f"{sandbox.key_events()} {sandbox.problems()}")
    server.end()
    start_without(key)


def start_without(key):
    server = KeyServer(key_set(key))
    server.hold()
    with Sandbox(configuration(server)) as sandbox:
        first = timed_decision(sandbox, token(key))
        time.sleep(1.6)
        second = timed_decision(sandbox, token(key))
        for title, (code, _, seconds) in (("right after the start", first), ("and later", second)):
            check(f"without a key, {title}: keys_unavailable within the budget",
                  code == "keys_unavailable" and seconds < BUDGET_SECONDS + 1, f"{code}, {seconds:.2f} s")
        print(f"    denied after {first[2]:.2f} s and {second[2]:.2f} s without a key, with a server that hangs; the budget is {BUDGET_SECONDS} s")
        check("no function error", not sandbox.problems(), sandbox.problems())
    server.end()


def frozen(sandbox, server, seconds):
    """Stops the process for a while, and closes all connections of the key server."""
    os.kill(sandbox.process.pid, signal.SIGSTOP)
    try:
        server.drop()
        time.sleep(seconds)
    finally:
        os.kill(sandbox.process.pid, signal.SIGCONT)


def freeze(rounds=10):
    """Frozen between two events, as Lambda does it, with a refresh due when it wakes; then during a fetch, which
    Lambda does not do."""
    key = new_key("one")
    server = KeyServer(key_set(key))
    with Sandbox(configuration(server)) as sandbox:
        outcomes = []
        for _ in range(rounds):
            sandbox.wait_idle()
            frozen(sandbox, server, DUE_SECONDS)
            outcomes.append(timed_decision(sandbox, token(key)))
        sandbox.wait_idle()
        key_events = [event for event, _ in sandbox.key_events()]
        slowest = max(seconds for _, _, seconds in outcomes)
        check(f"frozen {rounds} times with a refresh due: the next token is allowed", {code for code, _, _ in outcomes} == {"allow"}, outcomes)
        check("each of these refreshes is made", key_events == ["keys_changed"] + ["keys_same"] * rounds, key_events)
        check("no function error", not sandbox.problems(), sandbox.problems())
        print(f"    the slowest response after a freeze took {slowest * 1000:.1f} ms")
        codes = [frozen_during_fetch(sandbox, server, key) for _ in range(3)]
        check("frozen during a fetch: the next token is allowed", set(codes) == {("allow", "allow")} and not sandbox.problems(),
              f"{codes} {sandbox.key_events()} {sandbox.problems()}")
    server.end()


def frozen_during_fetch(sandbox, server, key):
    """Freezes it while the key server has its request. Returns the outcomes before and after."""
    time.sleep(2 * DUE_SECONDS)
    server.hold()
    requests = len(server.requests)
    before = sandbox.decide(token(key))
    end = time.monotonic() + 5
    while len(server.requests) == requests and time.monotonic() < end:
        time.sleep(0.01)
    frozen(sandbox, server, 3)
    server.release()
    return before, sandbox.decide(token(key))

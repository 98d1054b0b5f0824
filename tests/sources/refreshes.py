"""What a sandbox's life does to fetches: they happen after an answer, a server that hangs delays no usable key, and a freeze harms nothing."""

import os
import signal
import statistics
import time

from sandbox import Sandbox, check, issuer, key_set, new_key, token
from servers import KeyServer

# A source is due after eight to ten tenths of `refresh_seconds`.
DUE = 1.1
BUDGET = 2


def served(server):
    return issuer([f"jwks:{server.url}/keys"], more="refresh_seconds = 1")


def ask(sandbox, token):
    """The outcome, the fetches that it waited for, and the seconds from the event to its answer."""
    sandbox.idle()
    start = time.monotonic()
    return sandbox.decide(token), sandbox.fetches_awaited, time.monotonic() - start


def hang():
    """The key server takes the request, and never answers."""
    key = new_key("one")
    server = KeyServer(key_set(key))
    with Sandbox(served(server)) as sandbox:
        usual = [ask(sandbox, token(key)) for _ in range(50)]
        server.hold()
        time.sleep(DUE)
        asked = len(server.asked)
        due = ask(sandbox, token(key))
        # Asked at once: the refresh is under way, and the function asks for the next event after it.
        start = time.monotonic()
        behind = sandbox.decide(token(key))
        waited = time.monotonic() - start
        sandbox.idle()
        told = sandbox.told()[-1]
        check("a key server that hangs delays no answer while keys are at hand", [code for code, _, _ in [*usual, due]] == ["allow"] * 51, due)
        check("that answer waited for no fetch, and the fetch was made", due[1] == 0 and len(server.asked) > asked, due)
        check("the event behind it is let in", behind == "allow", behind)
        check("it waits for the budget at most", waited < BUDGET + 1, f"{waited:.2f} s")
        check("the log tells", told[0] == "keys_kept" and "did not answer in time" in told[1], told)
        ordinary = statistics.median(seconds for _, _, seconds in usual)
        print(f"    answered after {due[2] * 1000:.1f} ms with the refresh due and hanging, {ordinary * 1000:.1f} ms with none due; "
              f"the event right behind it after {waited:.2f} s, of {BUDGET} s at most")
        server.release()
        time.sleep(2 * DUE)
        codes = [sandbox.decide(token(key)) for _ in range(2)]
        sandbox.idle()
        check("the server answers again: so does the log", sandbox.told()[-1][0] == "keys_same" and codes == ["allow"] * 2 and not sandbox.sound(),
              f"{sandbox.told()} {sandbox.sound()}")
    server.end()
    start_without(key)


def start_without(key):
    server = KeyServer(key_set(key))
    server.hold()
    with Sandbox(served(server)) as sandbox:
        first = ask(sandbox, token(key))
        time.sleep(1.6)
        second = ask(sandbox, token(key))
        for title, (code, _, seconds) in (("right after the start", first), ("and later", second)):
            check(f"without a key, {title}: keys_unavailable within the budget",
                  code == "keys_unavailable" and seconds < BUDGET + 1, f"{code}, {seconds:.2f} s")
        print(f"    refused after {first[2]:.2f} s and {second[2]:.2f} s without a key, by a server that hangs; the budget is {BUDGET} s")
        check("no function error", not sandbox.sound(), sandbox.sound())
    server.end()


def frozen(sandbox, server, seconds):
    """Stops the process for a while; all connections of the key server are closed by then."""
    os.kill(sandbox.process.pid, signal.SIGSTOP)
    try:
        server.drop()
        time.sleep(seconds)
    finally:
        os.kill(sandbox.process.pid, signal.SIGCONT)


def freeze(rounds=10):
    """Frozen between two events, as Lambda does it, with a refresh due when it wakes; then in the middle of one, as it should not."""
    key = new_key("one")
    server = KeyServer(key_set(key))
    with Sandbox(served(server)) as sandbox:
        outcomes = []
        for _ in range(rounds):
            sandbox.idle()
            frozen(sandbox, server, DUE)
            outcomes.append(ask(sandbox, token(key)))
        sandbox.idle()
        told = [event for event, _ in sandbox.told()]
        slowest = max(seconds for _, _, seconds in outcomes)
        check(f"frozen {rounds} times with a refresh due: the next token is let in", {code for code, _, _ in outcomes} == {"allow"}, outcomes)
        check("and each of these refreshes is made", told == ["keys_changed"] + ["keys_same"] * rounds, told)
        check("no function error", not sandbox.sound(), sandbox.sound())
        print(f"    the slowest answer after a freeze took {slowest * 1000:.1f} ms")
        codes = [halfway(sandbox, server, key) for _ in range(3)]
        check("frozen in the middle of a fetch: the next token is let in", set(codes) == {("allow", "allow")} and not sandbox.sound(),
              f"{codes} {sandbox.told()} {sandbox.sound()}")
    server.end()


def halfway(sandbox, server, key):
    """Freezes it while the key server has its request; answers before and after."""
    time.sleep(2 * DUE)
    server.hold()
    asked = len(server.asked)
    before = sandbox.decide(token(key))
    end = time.monotonic() + 5
    while len(server.asked) == asked and time.monotonic() < end:
        time.sleep(0.01)
    frozen(sandbox, server, 3)
    server.release()
    return before, sandbox.decide(token(key))

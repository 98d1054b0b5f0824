"""Several events at once in one sandbox, as on Lambda Managed Instances: the release `bootstrap` behind a Runtime API
that hands out 64 events before any is answered.

Run by `./test concurrency`; `concurrency.py BOOTSTRAP` tests a built one.
"""

import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import queue
import random
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import function
from lib.checks import check, check_none, finish
from lib.example import ISSUER, deployment, event, jwks, token

AT_ONCE = 64
EVENTS = 2000
SEVERAL = {"AWS_LAMBDA_MAX_CONCURRENCY": str(AT_ONCE)}
SECONDS = 30


class Log:
    """The function's standard output as a socket that keeps messages apart: one message is one write."""

    def __init__(self):
        self.reader, self.writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.writes = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while message := self.reader.recv(1 << 17):
            self.writes.put(message)

    def lines(self, count):
        """The next writes, each with what is wrong with it."""
        for _ in range(count):
            write = self.writes.get(timeout=SECONDS)
            is_line = write.endswith(b"\n") and write.count(b"\n") == 1
            yield (json.loads(write), None) if is_line else ({}, f"not one line: {write[:200]!r}")


class HeldApi(function.RuntimeApi):
    """A Runtime API that takes no response before it is released."""

    def do_POST(self):
        self.server.released.wait(SECONDS)
        super().do_POST()


class KeyServer(http.server.BaseHTTPRequestHandler):
    """Serves all keys, and counts the requests."""

    def do_GET(self):
        self.server.requests += 1
        body = jwks().encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def key_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeyServer)
    server.requests = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@contextlib.contextmanager
def sandbox(binary, keys, environment):
    """A started function whose first responses are held, with its log. Its file `keys/es256.jwks.json` has the key of
    ES256 alone."""
    log = Log()
    with deployment(keys) as folder:
        es256 = [key for key in json.loads(jwks())["keys"] if key["kid"] == "ES256"]
        (folder / "keys/es256.jwks.json").write_text(json.dumps({"keys": es256}))
        started = function.Function(binary, folder, (), environment, HeldApi, log.writer.fileno())
        started.server.released = threading.Event()
        log.writer.close()
        try:
            check("the function polls", started.server.polled.wait(SECONDS))
            yield started, log
        finally:
            started.end()


def principal(subject):
    """The principal of a subject of the example's issuer."""
    return hashlib.sha256(f"{len(ISSUER)}:{ISSUER}{subject}".encode()).hexdigest()


def subjects(count):
    return [f"subject-{number}" for number in range(count)]


def connect(algorithm, subject, kid=None, **claims):
    """A connect of a subject with its own token and client id."""
    return event(token(algorithm, kid, sub=subject, **claims), subject)


def are_handed_out(started):
    """Whether the function takes all events that were sent."""
    waiting = threading.Thread(target=started.server.events.join, daemon=True)
    waiting.start()
    waiting.join(SECONDS)
    return not waiting.is_alive()


def subjects_at_once(binary):
    """All 64 events are in the sandbox before any is answered. They need the same key, which is fetched once."""
    with key_server() as server:
        keys = f'file:keys/es256.jwks.json", "jwks:http://127.0.0.1:{server.server_port}/keys'
        with sandbox(binary, keys, SEVERAL) as (started, log):
            sent = {started.send(connect("RS256", subject)): subject for subject in subjects(AT_ONCE)}
            check(f"{AT_ONCE} events are handed out before any is answered", are_handed_out(started))
            started.server.released.set()
            answers = dict(started.received(SECONDS) for _ in sent)
            found = list(log.lines(AT_ONCE + 1))
        check_none("each line is one write", [error for _, error in found if error])
        decided = {line["request_id"]: line for line, _ in found if "decision" in line}
        check_none("each answer and each line is its own subject's", [
            f"{id}: {answers[id]}, {decided.get(id)}" for id, subject in sent.items()
            if [answers[id].get("principalId"), decided.get(id, {}).get("principal")] != [principal(subject)] * 2
        ], 3)
        check("the events share one fetch", server.requests == 1, f"{server.requests} requests")
        print(f"{AT_ONCE} events of {AT_ONCE} subjects at once: each answer is its own, {server.requests} fetch for all")


def one_at_a_time(binary):
    """Without the variable the second event is not even requested before the first is answered."""
    with sandbox(binary, "file:keys/users.jwks.json", {}) as (started, log):
        first, second = (started.send(connect("RS256", subject)) for subject in subjects(2))
        list(log.lines(1))
        check("the second event is not requested", started.server.events.qsize() == 1)
        started.server.released.set()
        check("the order is kept", [started.received(SECONDS)[0] for _ in range(2)] == [first, second])


def load(binary, seed):
    """Allowed and denied events, 64 at once: each response is that of its event, and each line is one write."""
    rng = random.Random(seed)
    makers = [
        lambda subject: (connect("RS256", subject), "allow"),
        lambda subject: (connect("ES256", subject), "allow"),
        lambda subject: (connect("RS256", subject, iss="https://other.example.com/"), "unknown_issuer"),
        lambda subject: (connect("ES256", subject, kid="RS256"), "unsupported_algorithm"),
        lambda subject: (connect("RS256", subject, exp=1), "expired"),
        lambda subject: (event("password"), "no_token"),
    ]
    events = [rng.choice(makers)(subject) for subject in subjects(EVENTS)]
    expected, answers = {}, {}
    with sandbox(binary, "file:keys/users.jwks.json", SEVERAL) as (started, log):
        started.server.released.set()
        for number, (connect_event, code) in enumerate(events):
            if number >= AT_ONCE:
                answers.update([started.received(SECONDS)])
            expected[started.send(connect_event)] = code
        answers.update(started.received(SECONDS) for _ in range(len(expected) - len(answers)))
        found = list(log.lines(EVENTS))
    check_none("each of the lines is one write", [error for _, error in found if error], 3)
    lines = {line["request_id"]: line for line, _ in found}
    check_none(f"{EVENTS} events, {AT_ONCE} at once: each has its own response and line", [
        f"{id}: {code}, {lines.get(id)}, {answers.get(id)}" for id, code in expected.items()
        if lines[id].get("code", lines[id]["decision"]) != code or answers[id]["isAuthenticated"] != (code == "allow")
        or (code == "allow" and answers[id]["principalId"] != lines[id]["principal"])
    ], 3)
    allowed = [id for id, code in expected.items() if code == "allow"]
    check("each allowed subject has a principal of its own", len({answers[id]["principalId"] for id in allowed}) == len(allowed))
    check("one first event", sum(line["cold_start"] for line in lines.values()) == 1)


def main():
    arguments = sys.argv[1:]
    seed = next((argument for argument in arguments if argument.isdigit()), "1")
    paths = [argument for argument in arguments if not argument.isdigit()]
    binary = paths[0] if paths else os.environ.get("BOOTSTRAP") or function.build()
    print(f"seed {seed}")
    subjects_at_once(binary)
    one_at_a_time(binary)
    load(binary, seed)
    finish()


main()

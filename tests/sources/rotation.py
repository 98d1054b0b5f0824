"""A rotation through Secrets Manager, with tokens of all living keys in flight: nobody notices."""

import http.server
import threading
import time
import urllib.error
import urllib.request

from sandbox import Sandbox, aws, check, key_set, new_key, token
from secrets_manager import REFRESH, Secret, source

# A fetch has to be asked for after an answer, and to be answered: so much later than `refresh_seconds` a key is known at the latest.
MARGIN = 0.5


class Traffic:
    """Asks about tokens of every living key in turn, without a pause to speak of, and notes when and what came of it."""

    def __init__(self, sandbox):
        self.sandbox, self.keys, self.since, self.until, self.asked = sandbox, [], {}, {}, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def add(self, key):
        self.since[key.kid] = time.monotonic()
        self.keys = [*self.keys, key]

    def retire(self, key):
        self.until[key.kid] = time.monotonic()

    def run(self):
        at = 0
        while not self.ended.is_set():
            key, at = self.keys[at % len(self.keys)], at + 1
            start = time.monotonic()
            code = self.sandbox.decide(token(key))
            self.asked.append((key.kid, start, time.monotonic(), code))
            time.sleep(0.002)

    def valid(self, kid, start, end):
        """Whether a token of that key has to be let in: known for long enough, and in a stage until the answer."""
        return start >= self.since[kid] + REFRESH + MARGIN and end <= self.until.get(kid, end)

    def gone(self, kid, start):
        """Whether a key has been out of all stages for long enough."""
        return start >= self.until.get(kid, start) + REFRESH + MARGIN and kid in self.until


def rotation(moto, rounds=3):
    """Put AWSPENDING, move AWSCURRENT, drop the old: nobody notices."""
    keys = [new_key(f"key-{at}") for at in range(rounds + 1)]
    secret = Secret(moto, key_set(keys[0]))
    pause = 2 * REFRESH + MARGIN
    with Sandbox(source(secret.name, f"refresh_seconds = {REFRESH}"), environment=aws(moto.url)) as sandbox:
        # The start has fetched it.
        traffic = Traffic(sandbox)
        traffic.add(keys[0])
        traffic.since[keys[0].kid] -= REFRESH + MARGIN
        secret.pend(key_set(keys[1]))
        code = sandbox.decide(token(keys[1]))
        check("a key that was put a moment ago is fetched by its first token", (code, sandbox.fetches_awaited) == ("allow", 1), code)
        traffic.thread.start()
        try:
            for at, (old, new) in enumerate(zip(keys, keys[1:])):
                if at:
                    secret.pend(key_set(new))
                traffic.add(new)
                time.sleep(pause)
                secret.promote()
                time.sleep(pause)
                traffic.retire(old)
                secret.drop()
                time.sleep(pause)
        finally:
            traffic.ended.set()
            traffic.thread.join()
        judge(traffic, rounds, keys)
        check("no function error, and no panic", not sandbox.sound(), sandbox.sound())
        fetched = sandbox.lines("event")
        print(f"    {fetched[-1]['fetches']} fetches, {fetched[-1]['fetch_failures']} of them failed")


def judge(traffic, rounds, keys):
    valid = [(kid, code) for kid, start, end, code in traffic.asked if traffic.valid(kid, start, end)]
    refused = [pair for pair in valid if pair[1] != "allow"]
    counts = {key.kid: sum(kid == key.kid for kid, _ in valid) for key in keys}
    print(f"    {rounds} rotations, {len(traffic.asked):,} tokens, {len(valid):,} of them valid, by key {counts}: {len(refused)} refused")
    check("a rotation refuses no valid token", not refused, refused[:5])
    check("tokens of every key were in flight", all(count > 20 for count in counts.values()), counts)
    gone = [code for kid, start, _, code in traffic.asked if traffic.gone(kid, start)]
    check(f"tokens of dropped keys are refused ({len(gone):,})", gone and set(gone) == {"unknown_key"}, set(gone))


class Overtaken(http.server.BaseHTTPRequestHandler):
    """Passes requests on to moto. The one for the server's `stage` comes after the others under way, and the
    stages have moved by then."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if f'"{self.server.stage}"'.encode() in body and not self.server.moved:
            self.server.moved = True
            time.sleep(0.3)
            self.server.secret.promote()
        request = urllib.request.Request(self.server.behind, body, {
            name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length", "connection")})
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        body = answer.read()
        self.send_response(answer.status)
        for name in ("content-type", "x-amzn-errortype"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def overtaken(moto):
    """The stages move in the middle of a fetch: whichever it has read by then, no living key is lost between them."""
    for stage in ("AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"):
        older, old, new = (new_key(kid) for kid in ("older", "old", "new"))
        secret = Secret(moto, key_set(older))
        secret.pend(key_set(old))
        secret.promote()
        secret.pend(key_set(new))
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Overtaken)
        proxy.daemon_threads = True
        proxy.stage, proxy.moved, proxy.secret, proxy.behind = stage, False, secret, moto.url
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        with Sandbox(source(secret.name), environment=aws(f"http://127.0.0.1:{proxy.server_port}")) as sandbox:
            outcomes = [(sandbox.decide(token(key)), sandbox.fetches_awaited) for key in (old, new)]
            check(f"the stages move while a fetch is at {stage}: both keys are known",
                  outcomes == [("allow", 0)] * 2 and proxy.moved, f"{outcomes} {sandbox.told()}")
        proxy.shutdown()
        proxy.server_close()

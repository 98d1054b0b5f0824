"""A rotation through Secrets Manager under traffic with tokens of all current keys: no valid token is denied."""

import http.server
import threading
import time
import urllib.error
import urllib.request

from lib.checks import check
from lib.keys import key_set, new_key
from sandbox import Sandbox, aws, token
from secrets_manager import REFRESH_SECONDS, Secret, source

# A fetch follows a response and takes time: a key is known this much later than `refresh_seconds` at the latest.
MARGIN_SECONDS = 0.5


class Traffic:
    """Sends tokens of all current keys in turn, every few milliseconds, and records when and with what outcome."""

    def __init__(self, sandbox):
        self.sandbox, self.keys, self.since, self.until, self.outcomes = sandbox, [], {}, {}, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def add(self, key):
        self.since[key.kid] = time.monotonic()
        self.keys = [*self.keys, key]

    def retire(self, key):
        self.until[key.kid] = time.monotonic()

    def run(self):
        index = 0
        while not self.ended.is_set():
            key, index = self.keys[index % len(self.keys)], index + 1
            start = time.monotonic()
            code = self.sandbox.decide(token(key))
            self.outcomes.append((key.kid, start, time.monotonic(), code))
            time.sleep(0.002)

    def must_be_allowed(self, kid, start, end):
        """Whether a token of this key has to be allowed: the key is known for long enough, and in a stage until the
        response."""
        return start >= self.since[kid] + REFRESH_SECONDS + MARGIN_SECONDS and end <= self.until.get(kid, end)

    def must_be_denied(self, kid, start):
        """Whether a key has been out of all stages for long enough."""
        return start >= self.until.get(kid, start) + REFRESH_SECONDS + MARGIN_SECONDS and kid in self.until


def rotation(moto, rounds=3):
    """Puts AWSPENDING, moves AWSCURRENT, removes the old key, and repeats: no valid token is denied."""
    keys = [new_key(f"key-{number}") for number in range(rounds + 1)]
    secret = Secret(moto, key_set(keys[0]))
    pause = 2 * REFRESH_SECONDS + MARGIN_SECONDS
    with Sandbox(source(secret.name, f"refresh_seconds = {REFRESH_SECONDS}"), environment=aws(moto.url)) as sandbox:
        # The start has fetched the first key.
        traffic = Traffic(sandbox)
        traffic.add(keys[0])
        traffic.since[keys[0].kid] -= REFRESH_SECONDS + MARGIN_SECONDS
        secret.pend(key_set(keys[1]))
        code = sandbox.decide(token(keys[1]))
        check("a key that was just put is fetched for its first token", (code, sandbox.awaited_fetches) == ("allow", 1), code)
        traffic.thread.start()
        try:
            for number, (old, new) in enumerate(zip(keys, keys[1:])):
                if number:
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
        check_traffic(traffic, rounds, keys)
        check("no function error, and no panic", not sandbox.problems(), sandbox.problems())
        fetched = sandbox.lines("event")
        print(f"    {fetched[-1]['fetches']} fetches, {fetched[-1]['fetch_failures']} of them failed")


def check_traffic(traffic, rounds, keys):
    valid = [(kid, code) for kid, start, end, code in traffic.outcomes if traffic.must_be_allowed(kid, start, end)]
    denied = [pair for pair in valid if pair[1] != "allow"]
    counts = {key.kid: sum(kid == key.kid for kid, _ in valid) for key in keys}
    print(f"    {rounds} rotations, {len(traffic.outcomes):,} tokens, {len(valid):,} of them valid, by key {counts}: {len(denied)} denied")
    check("a rotation denies no valid token", not denied, denied[:5])
    check("there were tokens of every key", all(count > 20 for count in counts.values()), counts)
    codes = [code for kid, start, _, code in traffic.outcomes if traffic.must_be_denied(kid, start)]
    check(f"tokens of removed keys are denied ({len(codes):,})", codes and set(codes) == {"unknown_key"}, set(codes))


class DelayedStage(http.server.BaseHTTPRequestHandler):
    """Forwards requests to moto. Delays the one for the server's `stage` behind the others, and moves the stages
    first."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if f'"{self.server.stage}"'.encode() in body and not self.server.moved:
            self.server.moved = True
            time.sleep(0.3)
            self.server.secret.promote()
        request = urllib.request.Request(self.server.upstream, body, {
            name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length", "connection")})
        try:
            response = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            response = error
        body = response.read()
        self.send_response(response.status)
        for name in ("content-type", "x-amzn-errortype"):
            if name in response.headers:
                self.send_header(name, response.headers[name])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def stages_move_during_fetch(moto):
    """Whichever stage a fetch has read when the stages move, no current key is lost between them."""
    for stage in ("AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"):
        older, old, new = (new_key(kid) for kid in ("older", "old", "new"))
        secret = Secret(moto, key_set(older))
        secret.pend(key_set(old))
        secret.promote()
        secret.pend(key_set(new))
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), DelayedStage)
        proxy.daemon_threads = True
        proxy.stage, proxy.moved, proxy.secret, proxy.upstream = stage, False, secret, moto.url
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        with Sandbox(source(secret.name), environment=aws(f"http://127.0.0.1:{proxy.server_port}")) as sandbox:
            outcomes = [(sandbox.decide(token(key)), sandbox.awaited_fetches) for key in (old, new)]
            check(f"the stages move while a fetch is at {stage}: both keys are known",
                  outcomes == [("allow", 0)] * 2 and proxy.moved, f"{outcomes} {sandbox.key_events()}")
        proxy.shutdown()
        proxy.server_close()

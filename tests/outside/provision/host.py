"""Sandboxes of the functions of `provision/`, and a proxy between them and a control plane.

A sandbox is the release program behind a Lambda Runtime API, with a configuration and the endpoints of a test.
"""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import pathlib
import queue
import re
import tempfile
import threading
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lib.function import INVOCATIONS, Function, RuntimeApi, Server
from lib.paths import TEMPORARY

REGION, ACCOUNT = "us-east-1", "123456789012"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:provision"
# Longer than any event takes on a busy machine.
SECONDS = 300


class Api(RuntimeApi):
    """The Runtime API with the Cognito identity of the caller. `Server` has it, and the seconds of an invocation."""

    def do_GET(self):
        if self.path != f"{INVOCATIONS}/next":
            return self.reply(404, b"{}")
        request, (body, identity) = self.server.events.get()
        headers = [
            ("lambda-runtime-aws-request-id", request),
            ("lambda-runtime-deadline-ms", str(int((time.time() + SECONDS) * 1000))),
            ("lambda-runtime-invoked-function-arn", ARN),
        ]
        if identity:
            context = {"cognitoIdentityId": identity, "cognitoIdentityPoolId": f"{REGION}:00000000-0000-4000-8000-000000000001"}
            headers.append(("lambda-runtime-cognito-identity", json.dumps(context)))
        self.reply(200, body, headers)


class Sandbox(Function):
    """One of the functions with a configuration. `with` ends it."""

    program = None

    def __init__(self, handler, configuration, environment, lists=()):
        """`configuration` is the text of provision.toml, `lists` pairs of a file and its text."""
        self.temporary = tempfile.TemporaryDirectory(dir=TEMPORARY)
        folder = pathlib.Path(self.temporary.name)
        (folder / "provision.toml").write_text(configuration)
        for name, text in lists:
            (folder / name).write_text(text)
        super().__init__(self.program, folder, environment={"_HANDLER": handler, "AWS_REGION": REGION} | environment, api=Api)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Its connections break now.
        self.server.handle_error = lambda *_: None
        self.end()
        self.server.server_close()
        self.temporary.cleanup()

    def invoke(self, event, identity=None, seconds=SECONDS):
        """The response to an event, or a text that describes the error."""
        return super().invoke((json.dumps(event).encode(), identity), seconds)

    def start_event(self, event):
        """Gives an event to a sandbox that will not answer it."""
        self.invocations += 1
        self.server.events.put((str(self.invocations), (json.dumps(event).encode(), None)))

    def lines(self):
        """The lines of its log."""
        return [json.loads(line) for line in self.written()[0].splitlines()]

    def problems(self, *secrets):
        """Panics, output that is not a line of the log, and secrets in the log."""
        out, err = self.written()
        found = [f"stderr: {err[:300]}"] if err else []
        found += [line[:200] for line in out.splitlines() if not line.startswith("{")]
        return found + [f"a secret in the log: {secret[:8]}…" for secret in secrets if secret in out + err]


@contextlib.contextmanager
def sandboxes(count, *arguments):
    """Several sandboxes of one function, and a function that invokes it as Lambda does: an event waits for a sandbox
    that is free. An error is a text."""
    with contextlib.ExitStack() as stack:
        all = [stack.enter_context(Sandbox(*arguments)) for _ in range(count)]
        free = queue.Queue()
        for sandbox in all:
            free.put(sandbox)

        def invoke(event):
            sandbox = free.get()
            try:
                return sandbox.invoke(event)
            finally:
                free.put(sandbox)

        yield all, invoke


def at_once(invoke, events):
    """The responses to events that are invoked at once, in their order."""
    with concurrent.futures.ThreadPoolExecutor(len(events)) as pool:
        return list(pool.map(invoke, events))


def signed(method, url, headers, body, credentials):
    """The headers of a request, signed anew for the host of another address."""
    names = ("authorization", "x-amz-date", "x-amz-content-sha256")
    kept = {name: value for name, value in headers.items() if name.lower() not in names}
    authorization = next(value for name, value in headers.items() if name.lower() == "authorization")
    service = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", authorization)[1]
    request = AWSRequest(method, url, headers=kept, data=body)
    SigV4Auth(credentials, service, REGION).add_auth(request)
    return dict(request.headers.items())


class Forward(http.server.BaseHTTPRequestHandler):
    """One connection of a function to the proxy."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def forward(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if not self.server.begins():
            self.close_connection = True
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        headers["Host"] = f"127.0.0.1:{self.server.port}"
        if self.server.credentials:
            headers = signed(self.command, f"http://{headers['Host']}{self.path}", headers, body, self.server.credentials)
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if not self.server.passes(self.command, self.path, response.status):
            self.close_connection = True
            return
        answer = self.server.change(self.command, self.path, answer)
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() in ("content-type", "x-amzn-errortype"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def log_message(self, *_):
        pass


class Proxy(Server):
    """Passes calls on, and kills a function after its call number `stop_after`: before it sees the answer, or, with
    `is_answered`, when it makes the next call or asks the next question."""

    def __init__(self, port, change=lambda method, path, answer: answer, keys=None):
        """`keys` are variables with a key pair that the other side knows: calls are signed for the other address."""
        super().__init__(("127.0.0.1", 0), Forward)
        self.port, self.change = int(port), change
        self.credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]) if keys else None
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.reset()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def reset(self, stop_after=None, kill=lambda: None, is_answered=False):
        self.calls, self.stop_after, self.kill, self.is_answered = [], stop_after, kill, is_answered
        self.stopped.clear()

    def stop(self):
        self.kill()
        self.stopped.set()

    def begins(self):
        """Whether a call is passed on."""
        with self.lock:
            is_last = self.is_answered and len(self.calls) == self.stop_after
            if is_last:
                self.stop()
            return not is_last

    def passes(self, method, path, status):
        """Whether the answer is sent. Questions are not counted: a run that stops after one has changed nothing."""
        if method == "GET" or status >= 300:
            return True
        with self.lock:
            self.calls.append(f"{method} {path.split('?')[0]}")
            is_last = not self.is_answered and len(self.calls) == self.stop_after
            if is_last:
                self.stop()
            return not is_last

"""The release `bootstrap`, behind a Lambda Runtime API on loopback.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import http.server
import json
import os
import queue
import subprocess
import sys
import threading
import time

from lib.paths import CARGO, ROOT

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer"
INVOCATIONS = "/2018-06-01/runtime/invocation"


def compiler_flags():
    """The compiler's flags of `cargo local package`: the tested build is the packaged build."""
    command = [CARGO, "metadata", "--no-deps", "--format-version=1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    home = os.environ.get("CARGO_HOME", os.path.join(os.environ["HOME"], ".cargo"))
    folders = [(home, "/cargo"), (str(ROOT), "/build"), (metadata["target_directory"], "/build/target")]
    folders.sort(key=lambda pair: len(pair[0]))
    return "\x1f".join(f"--remap-path-prefix={folder}={name}" for folder, name in folders)


def build(package="iot-jwt-authorizer"):
    """Builds the program of a package as it is deployed, and returns its path."""
    command = [CARGO, "build", "--release", "--locked", "-p", package, "--bins", "--message-format", "json"]
    environment = os.environ | {"CARGO_ENCODED_RUSTFLAGS": compiler_flags()}
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    messages = map(json.loads, built.stdout.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """One connection of a function. `Server` has the queues."""

    protocol_version = "HTTP/1.1"
    # Head and body in one segment: two would wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in (*headers, ("content-type", "application/json"), ("content-length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path != f"{INVOCATIONS}/next":
            return self.reply(404, b"{}")
        self.server.polled.set()
        request, body = self.server.events.get()
        self.reply(200, body, (
            ("lambda-runtime-aws-request-id", request),
            ("lambda-runtime-deadline-ms", str(int(time.time() * 1000) + 5000)),
            ("lambda-runtime-invoked-function-arn", ARN),
        ))
        # `events.join()` returns once every event has been handed out.
        self.server.events.task_done()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.reply(202, b"{}")
        self.server.responses.put((self.path, body))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """The Runtime API of one function. A killed function closes its connections, which is not an error here."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Function:
    """One sandbox: a process that handles one event at a time, or several if the environment says so. Its output goes
    to two files in the deployment's folder."""

    def __init__(self, binary, folder, wrapper=(), environment=(), api=RuntimeApi, stdout=None):
        """Starts `binary` with the deployment in `folder`, under another program if `wrapper` names one. `stdout` is
        the descriptor of its log instead of the file."""
        self.server = Server(("127.0.0.1", 0), api)
        self.server.events, self.server.responses = queue.Queue(), queue.Queue()
        self.server.polled = threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.files = [folder / "stdout", folder / "stderr"]
        environment = dict(environment) | {
            "LAMBDA_TASK_ROOT": str(folder), "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "authorizer", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            # The log is searched for tokens, also at its most verbose level.
            "RUST_LOG": "trace", "AWS_LAMBDA_LOG_LEVEL": "TRACE", "PATH": os.environ["PATH"],
        }
        with self.files[0].open("wb") as out, self.files[1].open("wb") as err:
            self.process = subprocess.Popen([*wrapper, binary], env=environment, stdout=out if stdout is None else stdout, stderr=err)
        threading.Thread(target=self.watch, daemon=True).start()
        self.invocations, self.errors = 0, 0

    def watch(self):
        self.server.responses.put((f"the function ended with {self.process.wait()}", None))

    def invoke(self, event, seconds=5):
        """The response to one event, parsed; for a function error, a text that describes it."""
        self.send(event)
        try:
            path, body = self.server.responses.get(timeout=seconds)
        except queue.Empty:
            raise SystemExit(f"FAILED: no response within {seconds} s to event {self.invocations}")
        if body is None:
            raise SystemExit(f"FAILED: {path} at event {self.invocations}: {self.written()[1][-500:]}")
        self.errors += path.endswith("/error")
        if path != f"{INVOCATIONS}/{self.invocations}/response":
            return f"POST {path}: {body[:200]}"
        return json.loads(body)

    def send(self, event):
        """Queues an event for the next poll, and returns its id."""
        self.invocations += 1
        self.server.events.put((str(self.invocations), event))
        return str(self.invocations)

    def received(self, seconds=5):
        """The id and the parsed response of the next event that was answered."""
        path, body = self.server.responses.get(timeout=seconds)
        if body is None or not path.endswith("/response"):
            raise SystemExit(f"FAILED: {path}: {body}: {self.written()[1][-500:]}")
        return path.split("/")[-2], json.loads(body)

    def written(self):
        """Its output so far: stdout and stderr."""
        return [file.read_text(errors="replace") for file in self.files]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()

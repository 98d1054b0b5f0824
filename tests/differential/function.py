"""The real release `bootstrap`, behind a Lambda Runtime API of our own on loopback.

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

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer"
NEXT = "/2018-06-01/runtime/invocation/next"


CARGO = os.environ.get("CARGO", "cargo")


def flags(root):
    """The compiler's flags of `cargo local package` (local/src/package/build.rs): what is tested and what is packed are one build."""
    asked = subprocess.run([CARGO, "metadata", "--no-deps", "--format-version=1"], cwd=root, stdout=subprocess.PIPE, check=True)
    home = os.environ.get("CARGO_HOME", os.path.join(os.environ["HOME"], ".cargo"))
    folders = [(home, "/cargo"), (str(root), "/build"), (json.loads(asked.stdout)["target_directory"], "/build/target")]
    return "\x1f".join(f"--remap-path-prefix={folder}={name}" for folder, name in sorted(folders, key=lambda pair: len(pair[0])))


def build(root, package="iot-jwt-authorizer"):
    """Builds what is deployed, or another program as that is built, and asks cargo where it put it."""
    command = [CARGO, "build", "--release", "--locked", "-p", package, "--bins", "--message-format", "json"]
    environment = os.environ | {"CARGO_ENCODED_RUSTFLAGS": flags(root)}
    built = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    messages = map(json.loads, built.stdout.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


class Api(http.server.BaseHTTPRequestHandler):
    """One connection of the function's. Its server is a `Function`'s, and has its two queues."""

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
        if self.path != NEXT:
            return self.reply(404, b"{}")
        self.server.polled.set()
        request, body = self.server.events.get()
        self.reply(200, body, (
            ("lambda-runtime-aws-request-id", request),
            ("lambda-runtime-deadline-ms", str(int(time.time() * 1000) + 5000)),
            ("lambda-runtime-invoked-function-arn", ARN),
        ))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.reply(202, b"{}")
        self.server.answers.put((self.path, body))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """The Runtime API of one function. That a killed function hangs up is no fault of anyone's."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Function:
    """One sandbox: a process that is asked one thing at a time. What it writes goes to two files beside the deployment."""

    def __init__(self, binary, folder, under=(), environment=()):
        """Starts `binary` with the deployment in `folder`, under another program and with more in its environment if need be."""
        self.server = Server(("127.0.0.1", 0), Api)
        self.server.events, self.server.answers = queue.Queue(), queue.Queue()
        self.server.polled = threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.files = [folder / "stdout", folder / "stderr"]
        environment = dict(environment) | {
            "LAMBDA_TASK_ROOT": str(folder), "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "authorizer", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            # Whatever is logged at the loudest level is searched for tokens too.
            "RUST_LOG": "trace", "AWS_LAMBDA_LOG_LEVEL": "TRACE", "PATH": os.environ["PATH"],
        }
        with self.files[0].open("wb") as out, self.files[1].open("wb") as err:
            self.process = subprocess.Popen([*under, binary], env=environment, stdout=out, stderr=err)
        threading.Thread(target=self.watch, daemon=True).start()
        self.asked, self.errors = 0, 0

    def watch(self):
        self.server.answers.put((f"the function ended with {self.process.wait()}", None))

    def ask(self, event, seconds=5):
        """The answer to one event as JSON, or a text that says why there is none."""
        self.asked += 1
        self.server.events.put((str(self.asked), event))
        try:
            path, body = self.server.answers.get(timeout=seconds)
        except queue.Empty:
            raise SystemExit(f"FAILED: no answer in {seconds} s to event {self.asked}")
        if body is None:
            raise SystemExit(f"FAILED: {path} at event {self.asked}: {self.written()[1][-500:]}")
        self.errors += path.endswith("/error")
        if path != f"/2018-06-01/runtime/invocation/{self.asked}/response":
            return f"POST {path}: {body[:200]}"
        return json.loads(body)

    def written(self):
        """All that it wrote, to stdout and to stderr."""
        return [file.read_text(errors="replace") for file in self.files]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()

"""Servers to fetch keys from, each on a free port of loopback: moto, oidc-provider, and one of our own that can be told to misbehave."""

import http.server
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import boto3
from botocore.config import Config

from sandbox import CREDENTIALS, REGION, ROOT

HERE = pathlib.Path(__file__).resolve().parent


class Process:
    """A server that says its address on a line of its own."""

    def __init__(self, *command):
        self.log = tempfile.NamedTemporaryFile(dir=ROOT / "target/tmp", mode="w+")
        self.process = subprocess.Popen(command, cwd=HERE, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not (address := re.search(r"http://127\.0\.0\.1:\d+", self.written())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.end()
                raise SystemExit(f"FAILED: {command} did not start: {self.written()[-2000:]}")
            time.sleep(0.05)
        self.url = address[0]

    def written(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def end(self):
        self.process.kill()
        self.process.wait()


class Moto(Process):
    """Secrets Manager and Cognito. It forgets everything when it ends."""

    def __init__(self, port=0):
        super().__init__(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
        self.port = int(self.url.rsplit(":", 1)[1])

    def client(self, service, region=REGION):
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, config=Config(retries={"max_attempts": 0}),
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


class Provider(Process):
    """oidc-provider, whose clients get JWT access tokens of the algorithm that they ask for."""

    def __init__(self, audience):
        super().__init__("node", "issuer.mjs", audience)

    def token(self, algorithm):
        body = f"grant_type=client_credentials&client_id=alice&client_secret=alice&resource=urn:iot:{algorithm}"
        with urllib.request.urlopen(f"{self.url}/token", body.encode(), timeout=10) as answer:
            return json.load(answer)["access_token"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(time.monotonic())
        self.server.release.wait(60)
        body = self.server.bodies.get(self.path, "").encode()
        try:
            self.send_response(200 if body else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, *_):
        """A connection that the test itself has broken is no news."""


class KeyServer:
    """Serves `bodies` by path. It can hold its answers back, and can end with all its connections."""

    def __init__(self, body="", port=0):
        self.server = Listener(("127.0.0.1", port), Handler)
        self.server.bodies, self.server.asked, self.server.connections = {"/keys": body}, [], []
        self.server.release = threading.Event()
        self.server.release.set()
        self.port, self.asked, self.bodies = self.server.server_port, self.server.asked, self.server.bodies
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def hold(self):
        self.server.release.clear()

    def release(self):
        self.server.release.set()

    def drop(self):
        """Closes every connection that it has."""
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server.connections.clear()

    def end(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
        self.drop()


class TlsFront:
    """TLS with a certificate of our choice before a server on loopback that has none."""

    def __init__(self, context, port):
        self.context, self.behind = context, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(connection,), daemon=True).start()

    def carry(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as outer, \
                    socket.create_connection(("127.0.0.1", self.behind)) as inner:
                outer.settimeout(20)
                other = threading.Thread(target=pump, args=(outer, inner), daemon=True)
                other.start()
                pump(inner, outer)
                # Who still reads from a socket that is closed reads from whatever gets its number next.
                outer.shutdown(socket.SHUT_RDWR)
                other.join()
        # A handshake that fails is what some tests are for.
        except (OSError, ssl.SSLError):
            plain.close()

    def end(self):
        # Wakes who waits for a connection, before the number is given to somebody else.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except (OSError, ValueError):
        pass

"""Servers to fetch keys from, each on a free port of loopback: moto, oidc-provider, and a key server that can hang
and disconnect."""

import http.server
import json
import os
import pathlib
import socket
import ssl
import sys
import threading
import time
import urllib.request

import boto3
from botocore.config import Config

from lib.process import Process
from sandbox import CREDENTIALS, REGION

HERE = pathlib.Path(__file__).resolve().parent


URL = r"http://127\.0\.0\.1:\d+"


class Moto(Process):
    """AWS's services. Its state is lost when it ends. `program` is the server's, `settings` its variables."""

    def __init__(self, port=0, program=("-m", "moto.server"), **settings):
        super().__init__([sys.executable, *program, "-H", "127.0.0.1", "-p", port], URL, environment=os.environ | settings)
        self.url = self.match[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def client(self, service, region=REGION):
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, config=Config(retries={"max_attempts": 0}),
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


class Provider(Process):
    """oidc-provider. Its clients get JWT access tokens of the algorithm that they request."""

    def __init__(self, audience, shape=""):
        """With the shape `keycloak` it is at a realm's address, and its tokens have Keycloak's members."""
        super().__init__(["node", "issuer.mjs", audience, shape], rf"{URL}\S*", cwd=HERE)
        self.url = self.match[0]
        self.client = "5f0e0d0c-0000-4000-8000-00000000a11a" if shape else "alice"

    def token(self, algorithm, audience=""):
        resource = f"urn:iot:{algorithm}:{audience}" if audience else f"urn:iot:{algorithm}"
        body = f"grant_type=client_credentials&client_id={self.client}&client_secret=alice&resource={resource}"
        with urllib.request.urlopen(f"{self.url}/token", body.encode(), timeout=10) as response:
            return json.load(response)["access_token"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(time.monotonic())
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
        """The test itself breaks connections: not an error."""


class KeyServer:
    """Serves `bodies` by path. It can hold back its responses, and can close all its connections."""

    def __init__(self, body="", port=0):
        self.server = Listener(("127.0.0.1", port), Handler)
        self.server.bodies, self.server.requests, self.server.connections = {"/keys": body}, [], []
        self.server.release = threading.Event()
        self.server.release.set()
        self.port, self.requests, self.bodies = self.server.server_port, self.server.requests, self.server.bodies
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def hold(self):
        self.server.release.clear()

    def release(self):
        self.server.release.set()

    def drop(self):
        """Closes all connections."""
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


class TlsProxy:
    """Terminates TLS for a server on loopback."""

    def __init__(self, context, port):
        self.context, self.upstream = context, port
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
            threading.Thread(target=self.forward, args=(connection,), daemon=True).start()

    def forward(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as outer, \
                    socket.create_connection(("127.0.0.1", self.upstream)) as inner:
                outer.settimeout(20)
                upload = threading.Thread(target=copy, args=(outer, inner), daemon=True)
                upload.start()
                copy(inner, outer)
                # Ends the other thread before the socket is closed: its descriptor may be reused at once.
                outer.shutdown(socket.SHUT_RDWR)
                upload.join()
        # Some tests make the handshake fail.
        except (OSError, ssl.SSLError):
            connection.close()

    def end(self):
        # Ends the thread in `accept` before the socket is closed: its descriptor may be reused at once.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except (OSError, ValueError):
        pass

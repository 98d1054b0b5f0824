"""The download of the program: a release on a TLS server of loopback, by the action's own step."""

import contextlib
import hashlib
import http.server
import io
import pathlib
import re
import ssl
import subprocess
import tarfile
import tempfile
import threading

from cases import Case
from lib.checks import check_none
from lib.paths import ROOT, TEMPORARY

VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
ARCHIVE = f"cargo-local-{VERSION}-x86_64-unknown-linux-gnu.tar.gz"
FOLDER = f"/OWNER/iot-jwt-authorizer/releases/download/v{VERSION}"
ZEROS = "0" * 64


class Releases(http.server.BaseHTTPRequestHandler):
    """A release. `Server.files` has the body of each path, or the address to which it redirects."""

    def do_GET(self):
        found = self.server.files.get(self.path)
        self.send_response(302 if isinstance(found, str) else 200 if found is not None else 404)
        body = found if isinstance(found, bytes) else b""
        if isinstance(found, str):
            self.send_header("location", found)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def server(folder, tls):
    """A server on loopback, with TLS and a certificate of its own, or without."""
    started = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Releases)
    started.files = {}
    if tls:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        names = ["-addext", "subjectAltName=DNS:localhost", "-subj", "/CN=localhost", "-days", "1"]
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        subprocess.run([*command, "-keyout", key, "-out", certificate, *names], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        started.socket = context.wrap_socket(started.socket, server_side=True)
    threading.Thread(target=started.serve_forever, daemon=True).start()
    yield started
    started.shutdown()
    started.server_close()


def archive_of(program):
    """The archive of a release. The debug build is large, so a script that runs it is in its place."""
    data, script = io.BytesIO(), f'#!/bin/sh\nexec "{program}" "$@"\n'.encode()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.add(ROOT / "LICENSE", "LICENSE")
        member = tarfile.TarInfo("cargo-local")
        member.size, member.mode = len(script), 0o755
        archive.addfile(member, io.BytesIO(script))
    return data.getvalue()


def rows(archive, plain):
    """What the server has, the runner's variables, the inputs, and what the log must say; nothing if it must pass."""
    digest = hashlib.sha256(archive).hexdigest()
    sums = f"{ZEROS}  other.tar.gz\n{digest}  {ARCHIVE}\n".encode()
    file, sums_file = f"{FOLDER}/{ARCHIVE}", f"{FOLDER}/SHA256SUMS"
    both = {file: archive, sums_file: sums}
    return [
        ("a release", both, {}, {}, ""),
        ("a redirect to another path", {file: "/moved", "/moved": archive, sums_file: sums}, {}, {}, ""),
        ("a pinned checksum, without SHA256SUMS", {file: archive}, {}, {"checksum": digest}, ""),
        ("another pinned checksum", both, {}, {"checksum": ZEROS}, "wrong checksum"),
        ("a changed archive", {file: archive + b"x", sums_file: sums}, {}, {}, "wrong checksum"),
        ("SHA256SUMS without the archive", {file: archive, sums_file: f"{digest}  x{ARCHIVE}\n".encode()}, {}, {}, "wrong checksum"),
        ("no release", {}, {}, {}, "404"),
        ("no SHA256SUMS", {file: archive}, {}, {}, "404"),
        ("a redirect to http", {file: f"{plain}/moved", sums_file: sums}, {}, {}, "http"),
        ("SHA256SUMS that are too large", {file: archive, sums_file: b"x" * 2_000_000}, {}, {}, "Maximum file size"),
        ("a server of http", both, {"GITHUB_SERVER_URL": plain}, {}, "http"),
        ("a certificate of another authority", both, {"CURL_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}, {}, "certificate"),
        ("a runner of Windows", both, {"RUNNER_OS": "Windows"}, {}, "unsupported runner Windows-X64"),
    ]


def run(template, program, play):
    """Checks all rows: the action passes on a pull request without changes, or stops before it reads anything."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        folder = pathlib.Path(folder)
        with server(folder, tls=True) as secure, server(folder, tls=False) as plain:
            address = f"http://127.0.0.1:{plain.server_port}"
            variables = {"GITHUB_SERVER_URL": f"https://localhost:{secure.server_port}", "CURL_CA_BUNDLE": str(folder / "certificate.pem")}
            for title, files, changed, inputs, expected in rows(archive_of(program), address):
                secure.files = plain.files = files | {"/moved": files.get("/moved", b"x")}
                settings = [f"{name}={value}" for name, value in (variables | changed).items()]
                case = Case(title, inputs={"program": "", **inputs})
                outcome = play(case, template, "", prefix=("env", *settings))
                passed = outcome.exit_code == 0 and outcome.outputs["gains"] == "0"
                errors = [] if passed == (not expected) and expected in outcome.log else [outcome.log]
                errors += ["it has read the pull request"] if expected and outcome.summary else []
                check_none(f"download: {title}", errors)

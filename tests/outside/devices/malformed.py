"""Malformed requests, sent to a port: each gets its error, and nothing changes. The table is that of
`local/cloud/tests/malformed.rs`.

Run by `./test devices`.
"""

import base64
import http.client
import hashlib
import json
import pathlib
import re
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import control_plane
from lib.checks import check, check_none, finish
from lib.paths import ROOT

TESTS = ROOT / "local/cloud/tests"
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/iot/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}")
PLACEHOLDER = re.compile(r"\$\{(port|(?:file|id|repeat):[^}]+)\}")


def expand(value, port):
    """Fills in the placeholders of the table."""
    if isinstance(value, dict):
        return {expand(name, port): expand(member, port) for name, member in value.items()}
    if isinstance(value, list):
        return [expand(item, port) for item in value]
    if not isinstance(value, str):
        return value

    def fill(match):
        kind, _, rest = match[1].partition(":")
        if kind == "port":
            return port
        if kind == "repeat":
            text, _, count = rest.rpartition(":")
            return text * int(count)
        pem = (TESTS / "data" / rest).read_text()
        return pem if kind == "file" else hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    return PLACEHOLDER.sub(fill, value)


def send(case, port):
    """The status, the type of the error and the body that a request gets."""
    method, _, target = expand(case["send"], port).partition(" ")
    body = case.get("body")
    if body is not None:
        content = json.dumps(expand(body, port)).encode()
    elif "base64" in case:
        content = base64.b64decode(case["base64"])
    else:
        content = expand(case.get("text", ""), port).encode()
    headers = {"host": f"localhost:{port}", "authorization": AUTHORIZATION} | case.get("headers", {})
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, expand(value, port))
        if content:
            connection.putheader("content-length", str(len(content)))
        connection.endheaders(content or None)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def difference(case, port):
    """What an answer lacks; `None` if it is as expected."""
    status, headers, body = send(case, port)
    expected_status, _, kind = case["expect"].partition(" ")
    code = {"InvalidSignatureException": "SignatureDoesNotMatch"}.get(kind, kind).removesuffix("Exception")
    found = headers.get("x-amzn-ErrorType")
    is_kind = found == kind if found else f"<Code>{code}</Code>" in body
    allowed = [name for name in headers if name.lower().startswith("access-control-")]
    if str(status) == expected_status and is_kind and case.get("says", "") in body and not allowed:
        return None
    return f"{status} {found} {allowed} {body[:200]}"


def main():
    table = json.loads((TESTS / "malformed.json").read_text())
    with control_plane() as plane:
        port = plane.gateway.port
        made = [f"{step['send']}: {answer}" for step in table.pop("setup") if (answer := send(step, port))[0] != 200]
        check_none("the resources of the table are made", made)
        state = plane.state()
        count = 0
        for group, cases in table.items():
            errors = []
            for case in cases:
                # The HTTP server rejects these before they are requests of the API.
                if case.get("port") is False:
                    continue
                count += 1
                if error := difference(case, port):
                    errors.append(f"{case['title']}: {error}")
                if (now := plane.state()) != state:
                    errors.append(f"{case['title']}: the registry changed")
                    state = now
            check_none(f"malformed {group}", errors)
        check("200 malformed requests and more were sent", count >= 200, str(count))
        print(f"{count} malformed requests")
        panics = re.findall(r".*panicked.*", plane.gateway.output())
        check_none("no panic", panics)
    finish()


main()

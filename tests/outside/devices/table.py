"""Requests as data, sent to a port: the tables of `local/cloud/tests`."""

import base64
import hashlib
import http.client
import json
import re
import ssl

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
    is_kind = found == kind if found or not kind else f"<Code>{code}</Code>" in body
    is_expected = str(status) == expected_status and (is_kind or not kind) and expand(case.get("says", ""), port) in body
    # Without a signature, and for some paths, the gateway's pages answer: the same denial, or 404, in plain text.
    if "page" in case:
        is_expected = status == case["page"]
    allowed = [name for name in headers if name.lower().startswith("access-control-")]
    if is_expected and "answer" in case:
        is_expected = has(json.loads(body), expand(case["answer"], port))
    return None if is_expected and not allowed else f"{status} {found} {allowed} {body[:200]}"


def has(answer, expected):
    """Whether an answer has the expected members; null stands for anything. Lists have the expected length."""
    if expected is None:
        return True
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(name in answer and has(answer[name], value) for name, value in expected.items())
    if isinstance(expected, list):
        return isinstance(answer, list) and len(answer) == len(expected) and all(map(has, answer, expected))
    return answer == expected

"""Requests that botocore signs with the operator's key and with a Cognito identity's, changed at random. The gateway never
accepts one that an independent verifier denies.

Run by `./test cognito`. `mutated.py SEED` repeats the choices of a run.
"""

import collections
import json
import pathlib
import random
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, unquote

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "devices"))
from control_plane import REGION, control_plane
from lib.checks import check, check_none, finish
from login import POLICY, person
from lib.operator_key import operator_key
from verifier import Denied, Request, is_signed, verify

DEFAULT_SEED = 1
COUNT = 5000
THREADS = 4
DATA, WEBSOCKET, CONTROL = ("iotdata",), ("iotdevicegateway", "iotdata"), ("iot",)
HANDSHAKE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "mqtt",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
LETTERS = "abcXYZ019 /-_.~!*'()&=;:@,$éß漢"


class Sent:
    """A request in parts that can be changed, and the services that it may be signed for."""

    def __init__(self, method, path, query, headers, body, services):
        self.method, self.path, self.query, self.headers, self.body = method, path, query, headers, body
        self.services = services

    def data(self):
        target = self.path + ("?" + "&".join(self.query) if self.query else "")
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def word(choices, length=8):
    return "".join(choices.choice(LETTERS) for _ in range(choices.randint(1, length)))


def original(choices, host, operator, identity, person):
    """A request that botocore has signed."""
    kind = choices.choice(["header", "header", "presigned", "websocket", "websocket-header", "control"])
    # The role of an identity allows nothing of the control plane.
    credentials = choices.choice([operator, person]) if kind != "control" else operator
    headers, body = {"Host": host}, b""
    if kind.startswith("websocket"):
        method, path, query, service, services = "GET", "/mqtt", [], choices.choice(WEBSOCKET), WEBSOCKET
        if choices.random() < 0.5:
            headers["Connection"] = "Upgrade"
    elif kind == "control":
        method, path, service, services = "GET", choices.choice(["/things", "/policies", "/endpoint"]), "iot", CONTROL
        query = [f"pageSize={choices.randint(1, 9)}"] if path == "/policies" else []
    else:
        # A topic of the user's own does not begin with a dollar sign.
        topic = "/".join(word(choices).translate(str.maketrans("/.$", "xyz")) for _ in range(choices.randint(1, 4)))
        topic = f"apps/{identity}/{topic}" if credentials is person else topic
        path = "/topics/" + quote(topic, safe=choices.choice(["", "/"]))
        method, service, services = "POST", "iotdata", DATA
        query = choices.sample(["qos=1", "retain=false", f"x={quote(word(choices), safe='')}", "y=", "z"], choices.randint(0, 4))
        # botocore signs a query as it is, and so expects it sorted and in the canonical form.
        query = sorted(pair if "=" in pair else f"{pair}=" for pair in query)
        # botocore adds the body of a request to its address.
        body = b"" if kind == "presigned" else word(choices, 30).encode()
        if choices.random() < 0.3:
            headers["X-App"] = f"  {word(choices)}   x "
    target = f"http://{host}{path}" + ("?" + "&".join(query) if query else "")
    request = AWSRequest(method=method, url=target, headers=headers, data=body)
    if kind in ("presigned", "websocket"):
        # AWS IoT expects the session token after the signed address.
        SigV4QueryAuth(Credentials(credentials.access_key, credentials.secret_key), service, REGION, expires=300).add_auth(request)
        query = request.url.partition("?")[2].split("&")
        query += [f"X-Amz-Security-Token={quote(credentials.token, safe='')}"] if credentials.token else []
    else:
        SigV4Auth(credentials, service, REGION).add_auth(request)
    sent = [(name, value.decode("latin-1") if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()]
    if method == "POST":
        sent.append(("Content-Length", str(len(body))))
    if kind.startswith("websocket"):
        names = {name.lower() for name, _ in sent}
        sent += [(name, value) for name, value in HANDSHAKE.items() if name.lower() not in names]
    return Sent(method, path, query, sent, body, services)


def change_character(choices, text):
    if not text:
        return "a"
    index = choices.randrange(len(text))
    other = choices.choice("abz019AF%-/+.~")
    return choices.choice([text[:index] + other + text[index + 1:], text[:index] + text[index + 1:], text[:index] + other + text[index:]])


def change_encoding(choices, text):
    """Another encoding of the same text, or nearly."""
    return choices.choice([text.lower(), text.upper(), unquote(text), quote(text, safe=""), text.replace("%20", "+"), text.replace("a", "%61")])


def change_method(choices, sent):
    sent.method = choices.choice(["GET", "POST", "PUT", "DELETE", "post", "HEAD"])


def change_path(choices, sent):
    prefix, _, rest = sent.path[1:].partition("/")
    sent.path = choices.choice([
        change_character(choices, sent.path), "/" + prefix + "/" + change_character(choices, rest),
        "/" + prefix + "/" + change_encoding(choices, rest), "/./" + sent.path[1:], "//" + sent.path[1:], sent.path + "/",
        "/x/.." + sent.path, sent.path + "/..", sent.path + "/.", sent.path.replace("/", "%2F", 2), sent.path + "#x", sent.path + ";x",
    ])


def change_query(choices, sent):
    if not sent.query:
        sent.query = [choices.choice(["a=1", "=", "&", "X-Amz-Signature=0"])]
        return
    index = choices.randrange(len(sent.query))
    name, equals, value = sent.query[index].partition("=")
    action = choices.randrange(9)
    if action == 0:
        choices.shuffle(sent.query)
    elif action == 1:
        sent.query.append(sent.query[index])
    elif action == 2:
        del sent.query[index]
    elif action == 3:
        sent.query.insert(index, choices.choice(["a=1", "", "a", "=", "qos=0", "token=x", "X-Amz-Security-Token=x", "x-amz-signature=1"]))
    else:
        sent.query[index] = [
            name + equals + change_character(choices, value), change_character(choices, name) + equals + value,
            name + equals + change_encoding(choices, value), change_encoding(choices, name) + equals + value,
            f"{name}{equals}{value}#x",
        ][action - 4]


def change_headers(choices, sent):
    index = choices.randrange(len(sent.headers))
    name, value = sent.headers[index]
    action = choices.randrange(9)
    if action == 0:
        choices.shuffle(sent.headers)
    elif action == 1:
        sent.headers.append((name, value))
    elif action == 2:
        del sent.headers[index]
    elif action == 3:
        sent.headers.append((choices.choice(["X-App", "Host", "X-Amz-Date", "X-Amz-Content-Sha256", "Authorization", "X-Amz-Security-Token"]), "x"))
    else:
        sent.headers[index] = [
            (name, change_character(choices, value)), (name.upper(), value), (name, f"  {value}\t "),
            (name, value.replace(" ", "  ")), (name, value + ", x"),
        ][action - 4]


def change_body(choices, sent):
    sent.body = choices.choice([sent.body + b"x", sent.body[:-1], sent.body[::-1], b""])
    sent.headers = [(name, str(len(sent.body)) if name == "Content-Length" else value) for name, value in sent.headers]


def change_signature(choices, sent):
    """Changes a part of the signature: in the header, or in the query."""
    marks = ["Signature=", "Credential=", "SignedHeaders=", "X-Amz-Date=", "X-Amz-Expires=", "AWS4-HMAC-SHA256"]

    def changed(text):
        found = [mark for mark in marks if mark in text]
        if not found:
            return change_character(choices, text)
        start = text.index(mark := choices.choice(found)) + len(mark)
        end = min(end for end in (text.find(",", start), len(text)) if end >= 0)
        part = text[start:end]
        part = choices.choice([
            change_character(choices, part), part.upper(), part + ";x", part.replace("us-east-1", "eu-west-1"),
            part.replace("host;", ""), part.replace("iotdata", "iot"), part[:-1] + ("0" if part[-1:] != "0" else "1"), "",
        ])
        return text[:start] + part + text[end:]

    in_query = [index for index, pair in enumerate(sent.query) if pair.startswith("X-Amz-")]
    if in_query:
        index = choices.choice(in_query)
        sent.query[index] = changed(sent.query[index])
    else:
        sent.headers = [(name, changed(value) if name == "Authorization" else value) for name, value in sent.headers]


CHANGES = [change_method, change_path, change_query, change_headers, change_body, change_signature, change_signature]


def exchange(port, data):
    """The status of the response to a request; 0 without one."""
    with socket.create_connection(("127.0.0.1", port), 10) as stream:
        stream.settimeout(20)
        stream.sendall(data)
        # The end of what is sent ends a request that is shorter than it says.
        if not data.startswith(b"GET /mqtt"):
            stream.shutdown(socket.SHUT_WR)
        received = b""
        while len(received) < 12 and (more := stream.recv(4096)):
            received += more
    return int(received[9:12]) if received.startswith(b"HTTP/1.1 ") and received[9:12].isdigit() else 0


def is_verified(data, services, keys):
    """`None` if the independent verifier accepts a request, else why not."""
    try:
        verify(data, keys, REGION, services)
    except (Denied, UnicodeDecodeError) as denied:
        return str(denied) or "denied"
    return None


def services_of(data, services):
    """The services of the changed request's path."""
    try:
        path = Request(data).path
    except Denied:
        return services
    return WEBSOCKET if path == "/mqtt" else DATA if path.startswith("/topics/") else CONTROL


def is_decided_otherwise(data, services, keys):
    """Whether no signature of a known key decides: a WebSocket without a signature is decided at its CONNECT, and the
    control plane accepts keys that it does not know."""
    try:
        request = Request(data)
        if services == CONTROL:
            return not any(f"Credential={key}/" in value for key in keys for value in request.values("authorization"))
        return services == WEBSOCKET and not is_signed(request)
    except Denied:
        return False


def is_ambiguous(data):
    """Whether other paths have the same signature, so that the gateway denies this one."""
    return any(segment in ("", ".", "..") for segment in Request(data).path.strip("/").split("/")) or "//" in Request(data).path


def is_accepted(status):
    return status in (101, 200)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SEED
    print(f"seed {seed}")
    choices = random.Random(seed)
    with control_plane() as plane:
        port = int(plane.gateway.port)
        key, secret = operator_key(plane.folder)
        identity, issued, _ = person(plane, "alice")
        iot = plane.client("iot")
        iot.create_policy(policyName="all", policyDocument=json.dumps(POLICY))
        iot.attach_policy(policyName="all", target=identity)
        keys = {key: (secret, None), issued["key"]: (issued["secret"], issued["token"])}
        signers = Credentials(key, secret), identity, Credentials(issued["key"], issued["secret"], issued["token"])
        requests = []
        for number in range(COUNT):
            sent = original(choices, f"127.0.0.1:{port}", *signers)
            names = []
            # One request in ten is not changed.
            for _ in range(choices.choice([0, 1, 1, 1, 1, 1, 1, 2, 2, 3])):
                change = choices.choice(CHANGES)
                names.append(change.__name__)
                change(choices, sent)
            try:
                data = sent.data()
            except UnicodeEncodeError:
                data = sent.data().encode("utf-8", "replace")
            requests.append((number, names, data, services_of(data, sent.services)))
        start = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            statuses = list(pool.map(lambda request: exchange(port, request[2]), requests))
        seconds = time.monotonic() - start
        counts, wrong, strict = collections.Counter(), [], collections.Counter()
        for (number, names, data, services), status in zip(requests, statuses):
            why = is_verified(data, services, keys)
            is_other = is_decided_otherwise(data, services, keys)
            verdict = "accepts" if why is None else "does not decide on" if is_other else "denies"
            counts["accepted" if is_accepted(status) else "denied", "unchanged" if not names else "changed", verdict] += 1
            if is_accepted(status) and why and not is_other:
                wrong.append(f"request {number} {names}: {status}, {why}: {data!r}")
            if not names and (why or not is_accepted(status)):
                wrong.append(f"request {number} is not changed: {status}, {why}: {data!r}")
            if why is None and not is_accepted(status):
                strict[status] += 1
                if status == 403 and not is_ambiguous(data):
                    wrong.append(f"request {number} {names} is verified and denied: {data!r}")
    for (outcome, state, verdict), count in sorted(counts.items()):
        print(f"{count} {state} requests are {outcome}; the independent verifier {verdict} them")
    print(f"statuses of requests that only the gateway denies: {dict(strict)}")
    print(f"{COUNT} requests in {seconds:.0f} seconds")
    check_none("the gateway accepts no request that the independent verifier denies", wrong, 10)
    denied = sum(count for (outcome, *_), count in counts.items() if outcome == "denied")
    check("most changed requests are denied", denied > COUNT / 2, f"{denied}")
    finish()


if __name__ == "__main__":
    main()

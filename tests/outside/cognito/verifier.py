"""A verifier of Signature Version 4 for AWS IoT that shares no code with the gateway, for raw HTTP/1.1 requests.

It follows AWS's description, with AWS IoT's difference: a session token in a query is not signed.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS = 300
MARGIN_SECONDS = 30
TOKEN_CHARACTERS = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
PARAMETERS = [
    "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
    "X-Amz-Security-Token",
]


class Denied(Exception):
    """Why a request is denied."""


def require(condition, why):
    if not condition:
        raise Denied(why)


class Request:
    """A request, read from its bytes: method, path, query, headers in order, and the body as far as its length says."""

    def __init__(self, data):
        head, separator, rest = data.partition(b"\r\n\r\n")
        require(separator, "no end of the head")
        line, *fields = head.decode("utf-8", "surrogateescape").split("\r\n")
        parts = line.split(" ")
        require(len(parts) == 3 and parts[2] == "HTTP/1.1", "request line")
        self.method, target = parts[:2]
        require(target.startswith("/") and "#" not in target, "request target")
        self.path, _, self.query = target.partition("?")
        self.headers = []
        for field in fields:
            name, colon, value = field.partition(":")
            require(colon and TOKEN_CHARACTERS.fullmatch(name), "header field")
            self.headers.append((name.lower(), value.strip(" \t")))
        require(not self.values("transfer-encoding"), "transfer coding")
        lengths = set(self.values("content-length")) or {"0"}
        length = lengths.pop()
        require(not lengths and length.isdecimal() and int(length) <= len(rest), "length of the body")
        self.body = rest[:int(length)]

    def values(self, name):
        return [value for known, value in self.headers if known == name]

    def only(self, name):
        values = self.values(name)
        require(len(values) == 1, f"{name} occurs {len(values)} times")
        return values[0]


def pairs(query):
    """Names and values of a query, decoded to bytes."""
    for pair in query.split("&") if query else []:
        require(pair and not re.search(r"%(?![0-9A-Fa-f]{2})", pair), "query encoding")
        name, _, value = pair.partition("=")
        yield unquote_to_bytes(name), unquote_to_bytes(value)


def is_signed(request):
    """Whether a request has any mark of a signature."""
    in_query = any(name == b"X-Amz-Algorithm" for name, _ in pairs(request.query))
    return in_query or any(value.startswith(ALGORITHM) for value in request.values("authorization"))


def parameters(request):
    """The parameters of the only signature, and whether they are in the query."""
    in_query = [(name.decode("utf-8", "replace"), value) for name, value in pairs(request.query)]
    marks = [name for name, _ in in_query if name == "X-Amz-Algorithm"]
    authorizations = request.values("authorization")
    require(len(marks) + len(authorizations) == 1, "not one signature")
    if marks:
        for name in PARAMETERS:
            require(sum(known == name for known, _ in in_query) <= 1, f"{name} occurs twice")
        found = {name: value.decode("utf-8", "strict") for name, value in in_query if name in PARAMETERS}
        require(found["X-Amz-Algorithm"] == ALGORITHM, "algorithm")
        return found, True
    match = re.fullmatch(ALGORITHM + r" (.*)", authorizations[0])
    require(match, "Authorization")
    found = {}
    for part in match[1].split(","):
        name, equals, value = part.strip(" ").partition("=")
        require(equals and name in ("Credential", "SignedHeaders", "Signature") and f"X-Amz-{name}" not in found, "Authorization")
        found[f"X-Amz-{name}"] = value
    found["X-Amz-Date"] = request.only("x-amz-date")
    if tokens := request.values("x-amz-security-token"):
        require(len(tokens) == 1, "two session tokens")
        found["X-Amz-Security-Token"] = tokens[0]
    return found, False


def canonical_path(path):
    """Dot segments and empty segments are removed, and what is left is encoded once more."""
    kept = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    is_folder = re.search(r"/\.{0,2}$", path) and kept
    text = "/" + "/".join(kept) + ("/" if is_folder else "")
    return quote(text.encode("utf-8", "surrogateescape"), safe="/-_.~")


def canonical_query(request, is_presigned):
    dropped = (b"X-Amz-Signature", b"X-Amz-Security-Token") if is_presigned else ()
    kept = [(name, value) for name, value in pairs(request.query) if name not in dropped]
    return "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in kept))


def canonical_request(request, names, is_presigned):
    lines = []
    for name in names:
        values = request.values(name)
        require(values, f"{name} is absent")
        lines.append(name + ":" + ",".join(" ".join(value.split()) for value in values))
    body = hashlib.sha256(request.body).hexdigest()
    parts = [request.method, canonical_path(request.path), canonical_query(request, is_presigned), *lines, "", ";".join(names), body]
    return "\n".join(parts)


def signature_of(secret, scope, date, canonical):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return hmac.new(key, f"{ALGORITHM}\n{date}\n{scope}\n{hashed}".encode(), "sha256").hexdigest()


def verify(data, keys, region, services):
    """Raises `Denied`, unless a request is signed by one of the keys `{id: (secret, token)}` for the Region and one of
    the services."""
    request = Request(data)
    found, is_presigned = parameters(request)
    credential = found.get("X-Amz-Credential", "").split("/")
    require(len(credential) == 5 and credential[4] == "aws4_request", "credential")
    key, day, signed_region, service, _ = credential
    require(signed_region == region and service in services, "scope")
    date = found.get("X-Amz-Date", "")
    require(re.fullmatch(r"\d{8}T\d{6}Z", date, re.ASCII) and date.startswith(day), "date")
    try:
        age = time.time() - calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Denied("date") from None
    limit = SKEW_SECONDS
    if "X-Amz-Expires" in found:
        require(re.fullmatch(r"\d{1,6}", found["X-Amz-Expires"], re.ASCII), "expires")
        require(1 <= int(found["X-Amz-Expires"]) <= 604_800, "expires")
        limit = min(limit, int(found["X-Amz-Expires"]))
    # The gateway decides a little later than this.
    require(-SKEW_SECONDS - MARGIN_SECONDS <= age <= limit + MARGIN_SECONDS, "time")
    require(key in keys, "unknown key")
    secret, token = keys[key]
    require(found.get("X-Amz-Security-Token") == token, "session token")
    names = found.get("X-Amz-SignedHeaders", "").split(";")
    require("host" in names and names == sorted(set(names)), "signed headers")
    require(all(re.fullmatch(r"[a-z0-9!._-]+", name) for name in names), "signed headers")
    for hashed in request.values("x-amz-content-sha256"):
        require(hashed == hashlib.sha256(request.body).hexdigest(), "hash of the body")
    canonical = canonical_request(request, names, is_presigned)
    expected = signature_of(secret, "/".join(credential[1:]), date, canonical)
    require(found.get("X-Amz-Signature") == expected, "signature")

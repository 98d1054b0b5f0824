"""Events: the places of a token in one, and events that AWS IoT never sends."""

import base64
import json
import re
import urllib.parse

# What `trim_ascii` of Rust removes.
BLANKS = " \t\n\f\r"
PLACES = ["token", "query", "header", "username", "password", "gateway"]
LAMBDA_LIMIT_BYTES = 6 * 1024 * 1024
# Just below the size that the function reads: it denies larger events unread.
READABLE_BYTES = 500_000


def place_for(text, place):
    """The place, or `token` for a text that AWS IoT cannot pass as a token and its signature.

    AWS IoT decodes the signature's base64 and encodes it again, so only a canonical one arrives as it was written.
    """
    head, _, signature = text.rpartition(".")
    return "token" if place == "gateway" and (head.count(".") != 1 or not is_canonical(signature)) else place


def received(text, place):
    """The token that the authorizer reads from a place: without blanks around it, and without the scheme's name.

    In `gateway` the signature is in a place of its own, so blanks before the last dot are at an end of the token's
    place, too.
    """
    if place == "gateway":
        head, _, signature = text.rpartition(".")
        text = f"{head.strip(BLANKS)}.{signature}"
    return re.sub(r"\Abearer[ \t]+", "", text.strip(BLANKS), flags=re.I)


def event(random, text, client_id, password, place):
    """One event with the token in a place, encoded so that exactly `text` arrives. Has `password` if the token is
    elsewhere."""
    quoted = urllib.parse.quote(text, safe="", errors="surrogatepass")
    http = {"headers": {"Host": "h"}, "queryString": "?a=b"}
    mqtt = {"username": "ana", "clientId": client_id, "password": b64(password)}
    whole = {"protocols": ["http", "mqtt"], "protocolData": {"http": http, "mqtt": mqtt}, "connectionMetadata": {"id": "c"}}
    if place == "token":
        whole["token"] = quoted
    elif place == "query":
        http["queryString"] = f"?x=1&token={quoted}&y"
    elif place == "header":
        http["headers"]["AuthoriZation"] = random.choice(["", "Bearer "]) + text
    elif place == "username":
        mqtt["username"] = f"ana?x-amz-customauthorizer-name=a&token={quoted}"
    elif place == "password":
        mqtt["password"] = b64(text)
    else:
        head, _, signature = text.rpartition(".")
        whole["token"] = urllib.parse.quote(head, safe="")
        http["headers"]["x-amz-customauthorizer-signature"] = signature.translate(str.maketrans("-_", "+/"))
    return json.dumps(whole).encode()


def is_canonical(part):
    """Whether a part is what base64url without padding makes of its bytes."""
    if not re.fullmatch(r"[\w-]+", part, re.A) or len(part) % 4 == 1:
        return False
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=") == part


def b64(text):
    return base64.b64encode(text.encode(errors="surrogatepass")).decode()


def hostile(random, good, forged):
    """Pairs of a title and a body; all have to be denied. `good` is an event that is allowed, `forged` one with a
    bad signature."""
    yield from shapeless(random, good)
    for size in (READABLE_BYTES, LAMBDA_LIMIT_BYTES - 100_000):
        yield from giants(size)
    # Every member of an otherwise valid event, with a value of every other type.
    whole = json.loads(forged)
    for path in paths(whole):
        for value in (None, True, -1, 1e308, "", "\0", "x" * 70_000, [], [[]], {}, {"a": {}}, ["a", 1]):
            copy = json.loads(forged)
            parent = copy
            for name in path[:-1]:
                parent = parent[name]
            # AWS sets the connection's id, which is logged unchanged: no place for text that the log is searched for.
            parent[path[-1]] = "y" * 70_000 if path[-1] == "id" and value == "x" * 70_000 else value
            yield f"{'.'.join(map(str, path))} as {str(value)[:20]!r}", json.dumps(copy).encode()


def paths(value, path=()):
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*path, name)
        yield from paths(member, (*path, name))


def shapeless(random, good):
    for text in (
        b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"{}", b"{", b"\0", b"\xff\xfe", b"\xef\xbb\xbf{}", b"nul", b"NaN", b"-", b"1e999999",
        b"{}{}",
    ):
        yield f"{text!r}", text
    for _ in range(40):
        yield "cut short", good[:random.randrange(len(good))]
        yield "random bytes", random.randbytes(random.randrange(1, 2000))
        index = random.randrange(len(good))
        yield "not UTF-8", good[:index] + b"\xc3\x28" + good[index:]
        yield "a control character", good[:index] + b"\1" + good[index:]
    yield "a good event twice", good + good
    yield "a good event in a list", b"[" + good + b"]"
    yield "a good event as a string", json.dumps(good.decode()).encode()
    yield "a good event in UTF-16", good.decode().encode("utf-16")
    yield "a good event after a byte order mark", b"\xef\xbb\xbf" + good
    yield "a good event, its data doubled", good[:-1] + b',"protocolData":{}}'
    yield "a good event beyond the limit", good + b" " * 600_000


def giants(size):
    """Events of a size that are long, deep, or have many members."""
    text = "x" * size
    data = [
        ("[", b"[" * size), ('{"a":', b'{"a":' * (size // 5)),
        ("closed nesting", b"[" * (size // 2) + b"]" * (size // 2)),
        ("blanks", b" " * size), ("digits", b"1" * size),
        ("a float", b'{"a":0.' + b"1" * size + b"}"), ("an exponent", b'{"a":1e' + b"9" * size + b"}"),
        ("nesting in an unread member", b'{"x":' + b"[" * (size // 2) + b"]" * (size // 2) + b"}"),
        ("backslashes", b'{"token":"' + b"\\\\" * (size // 2) + b'"}'), ("escapes", b'{"token":"' + b"\\u0041" * (size // 6) + b'"}'),
        ("lone surrogates", b'{"token":"' + b"\\ud800" * (size // 6) + b'"}'), ("members", b"{" + b'"a":1,' * (size // 6) + b'"a":1}'),
    ]
    strings = {
        "x": text, "&": "&" * size, "%": "%" * size, "dots": "." * size, "=": "=" * size, "?": "?" * size,
        "token=": "token=x&" * (size // 8), "blank": "x " * (size // 2),
        "three parts": ".".join(["A" * (size // 3)] * 3), "%41": "%41" * (size // 3), "token=a.b.c": "token=a.b.c&" * (size // 12),
    }
    http, mqtt = '{"protocolData":{"http":%s}}', '{"protocolData":{"mqtt":%s}}'
    for title, value in strings.items():
        value = json.dumps(value)
        for place, shape in {
            "token": '{"token":%s}', "query": http % '{"queryString":%s}', "header": http % '{"headers":{"authorization":%s}}',
            "header's name": http % '{"headers":{%s:"x"}}', "user name": mqtt % '{"username":%s}', "password": mqtt % '{"password":%s}',
            "client id": mqtt % '{"clientId":%s}',
        }.items():
            # Only some at full size: with all of them the test would mostly copy.
            if size == READABLE_BYTES or title in ("x", "&", "%", "three parts"):
                data.append((f"{place} of {title}", (shape % value).encode()))
    many = ",".join(f'"h{number}":"v"' for number in range(min(100_000, size // 13)))
    same = ",".join(['"authorization":"a.b.c"'] * (size // 24))
    data += [
        ("headers", (http % '{"headers":{%s}}' % many).encode()),
        ("one header over and over", (http % '{"headers":{%s}}' % same).encode()),
    ]
    for title, body in data:
        yield f"{size:,} bytes: {title}", body

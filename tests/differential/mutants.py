"""Issuers, their tokens, and the many ways in which a token can be nearly right.

What is random follows the seed, but for keys and for signatures that draw randomness of their own.
"""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from jwt.algorithms import get_default_algorithms

SIGN = get_default_algorithms()
B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
ED_ORDER = 2**252 + 27742317777372353535851937790883648493
AUDIENCE = "iot.example.com"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def dumps(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


class Key:
    """A private key with the name and the algorithms under which its issuer publishes it. With several it is published without `alg`."""

    def __init__(self, private, kid, algorithms):
        self.private, self.public, self.kid, self.algorithms = private, private.public_key(), kid, algorithms

    def jwk(self):
        jwk = json.loads(SIGN[self.algorithms[0]].to_jwk(self.public))
        jwk.pop("key_ops", None)
        named = {"alg": self.algorithms[0]} if len(self.algorithms) == 1 else {}
        return jwk | named | ({"kid": self.kid} if self.kid else {})

    def sign(self, algorithm, data):
        return SIGN[algorithm].sign(data, self.private)

    def as_secrets(self):
        """What an attacker might hope that a verifier takes as an HMAC secret."""
        pem = self.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        der = self.public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        jwk = self.jwk()
        return [pem, pem.strip(), der, dumps(jwk), unb64(jwk.get("n", jwk.get("x"))), (self.kid or "").encode(), b""]


class Token:
    """A token and all that went into it, so that it can be made again with a difference."""

    def __init__(self, key, algorithm, header, payload):
        self.key, self.algorithm, self.header, self.payload = key, algorithm, header, payload
        self.text = self.signed()
        self.parts = self.text.split(".")
        self.signature = unb64(self.parts[2])

    def signed(self, header=None, payload=None, sign=None):
        """A token with another header or payload, truly signed by its own key or by `sign`."""
        data = f"{b64(dumps(header or self.header))}.{b64(dumps(payload or self.payload))}"
        sign = sign or (lambda data: self.key.sign(self.algorithm, data))
        return f"{data}.{b64(sign(data.encode()))}"

    def with_signature(self, signature):
        return f"{self.parts[0]}.{self.parts[1]}.{b64(signature)}"


def issuers():
    """Two issuers. One RSA key stands under six names, one for each algorithm; the second issuer uses the first one's names."""
    def key(kind):
        return rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(kind())
    shared, rs = key("RSA"), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    first = [Key(shared, name.lower(), [name]) for name in rs] + [
        Key(key(ec.SECP256R1), "es256", ["ES256"]), Key(key(ec.SECP384R1), "es384", ["ES384"]),
        Key(ed25519.Ed25519PrivateKey.generate(), "eddsa", ["EdDSA"]), Key(key("RSA"), None, rs),
    ]
    second = [Key(key("RSA"), "rs256", ["RS256"]), Key(key(ec.SECP256R1), "es256", ["ES256"])]
    return {"https://first.example.com/": first, "https://second.example.com/": second}


def mint(random, issuer, key, algorithm, marker):
    """A good token. `marker` is a claim that nobody asked for, and that no log may hold."""
    now = int(time.time())
    payload = {
        "iss": issuer, "aud": AUDIENCE, "sub": f"u{random.randrange(10**8)}", "tenant": f"t{random.randrange(10**4)}",
        "iat": now - 60, "nbf": now - 60, "exp": now + random.randrange(3600, 90000), "marker": marker,
    }
    return Token(key, algorithm, {"alg": algorithm, "typ": "JWT"} | ({"kid": key.kid} if key.kid else {}), payload)


def mutants(random, token, other, attacker, keys):
    """Pairs of a title and a text. `other` is another good token, `attacker` a key that nobody trusts."""
    yield from of_text(random, token, other)
    yield from of_header(random, token, other, attacker, keys)
    yield from of_payload(random, token)
    yield from of_signature(random, token, other, attacker)


def of_text(random, token, other):
    text, parts = token.text, token.parts
    at, to = sorted(random.sample(range(len(text)), 2))
    which = random.randrange(3)

    def part(new):
        return ".".join([*parts[:which], new, *parts[which + 1:]])
    own = parts[which]
    within = random.randrange(len(own))
    raw = bytearray(unb64(own))
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    yield "a bit of the text flipped", text[:at] + chr(ord(text[at]) ^ 1 << random.randrange(7)) + text[at + 1:]
    yield "a bit of the bytes flipped", part(b64(raw))
    yield "a character replaced", text[:at] + random.choice(B64) + text[at + 1:]
    yield "any character put in", text[:at] + random.choice("\0\t\n %+./=_\x7f\xe9\u2028\uff21\U0001f600") + text[at:]
    yield "two characters swapped", text[:at] + text[to] + text[at + 1:to] + text[at] + text[to + 1:]
    yield "cut at the end", text[:at]
    yield "cut at the start", text[at:]
    yield "a piece taken out", text[:at] + text[to:]
    yield "a piece doubled", text[:to] + text[at:to] + text[to:]
    yield "extended", text + random.choice([*B64, "=", ".", "AAAA", " ", "\n", "\0", ".AAAA", "%00", ","])
    yield "preceded", random.choice([*B64, ".", " ", "Bearer ", "bearer\t", "\ufeff"]) + text
    yield "a part of another token", part(other.parts[which])
    yield "an empty part", part("")
    yield "a part less", ".".join(parts[:which] + parts[which + 1:])
    yield "a part more", ".".join([*parts[:which], random.choice(parts), *parts[which:]])
    yield "parts in another order", ".".join(random.sample(parts, 3))
    yield "a letter's case", text[:at] + text[at].swapcase() + text[at + 1:]
    yield "a part's case", part(random.choice([own.lower(), own.upper(), own.swapcase()]))
    yield "padding", part(own + "=" * random.choice([1, 2, -len(own) % 4 or 4]))
    yield "the other base64", part(own.replace("-", "+").replace("_", "/"))
    yield "loose bits", part(own[:-1] + B64[B64.index(own[-1]) ^ 1])
    yield "not of the alphabet", part(own[:within] + random.choice(["\n", "\r\n", " ", "*", "%2E", "%2D", "\u200b"]) + own[within:])


def of_header(random, token, other, attacker, keys):
    header, [head, payload, signature] = token.header, token.parts
    names = [*SIGN, "Ed25519", "RSA-OAEP", "dir", "", token.algorithm.lower(), token.algorithm + " "]
    name = random.choice(names)
    kid = random.choice([key.kid for key in keys if key.kid] + ["", "none", "../../keys", "' OR 1=1", "a" * 300, None, 0, {}, ["es256"]])
    extra = random.choice([
        {"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"b64": False}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"},
        {"x5c": ["AAAA"]}, {"jku": "https://attacker.example/"}, {"x5u": "file:///etc/passwd"}, {"typ": "at+jwt"}, {"typ": 1},
    ])
    key = random.choice(keys)
    algorithm = random.choice(key.algorithms)
    secret = random.choice(token.key.as_secrets())
    bits = random.choice(["256", "384", "512"])
    yield "another algorithm in the header", f"{b64(dumps(header | {'alg': name}))}.{payload}.{signature}"
    yield "another algorithm, signed over", token.signed(header | {"alg": name})
    none = header | {"alg": random.choice(["none", "None", "NONE", "nOnE"])}
    yield "alg none", f"{b64(dumps(none))}.{payload}.{random.choice(['', signature])}"
    yield "alg missing or of another type", token.signed({**header, "alg": random.choice([None, 0, [token.algorithm], {}])})
    yield "HMAC with the public key", token.signed(
        header | {"alg": f"HS{bits}"}, sign=lambda data: hmac.digest(secret, data, f"sha{bits}"))
    yield "HMAC under the key's own algorithm", token.signed(sign=lambda data: hmac.digest(secret, data, f"sha{bits}"))
    yield "another kid", f"{b64(dumps(header | {'kid': kid}))}.{payload}.{signature}"
    yield "another kid, signed over", token.signed(header | {"kid": kid})
    yield "no kid, signed over", token.signed({"alg": token.algorithm})
    yield "a member more", f"{b64(dumps(header | extra))}.{payload}.{signature}"
    yield "a member more, signed over", token.signed(header | extra)
    yield "a doubled member, signed over", token.signed(dumps(header)[:-1] + b',"alg":"' + name.encode() + b'"}')
    yield "the attacker's jwk, signed by it", token.signed(
        header | {"alg": "ES256", "jwk": attacker.jwk()}, sign=lambda data: attacker.sign("ES256", data))
    yield "the attacker's jwk alone", token.signed(
        {"alg": "ES256", "jwk": attacker.jwk()}, sign=lambda data: attacker.sign("ES256", data))
    yield "signed by any key with any algorithm of it", token.signed(sign=lambda data: key.sign(algorithm, data))
    yield "that, and the header says so", token.signed(header | {"alg": algorithm}, sign=lambda data: key.sign(algorithm, data))
    named = {"alg": algorithm, "kid": key.kid} if key.kid else {"alg": algorithm}
    yield "that, with the kid", token.signed(named, sign=lambda data: key.sign(algorithm, data))
    yield "another token's header, signed over", token.signed(other.header)


def of_payload(random, token):
    head, _, signature = token.parts
    now, claims = int(time.time()), token.payload
    one = random.choice([
        {"sub": "ana"}, {"tenant": "globex"}, {"exp": now + 10**6}, {"aud": [AUDIENCE, "x"]}, {"admin": True},
        {"iss": "https://first.example.com/"}, {"iss": "https://second.example.com/"},
    ])
    bad = random.choice([
        {"exp": now - 3600}, {"exp": "soon"}, {"exp": None}, {"exp": -1}, {"exp": []}, {"nbf": now + 3600}, {"iat": now + 3600}, {"nbf": "x"},
        {"aud": "other"}, {"aud": []}, {"aud": [AUDIENCE.upper()]}, {"aud": {AUDIENCE: 1}}, {"iss": [claims["iss"]]}, {"iss": claims["iss"][:-1]},
        {"sub": 1}, {"sub": ""}, {"sub": "*"}, {"sub": None}, {"exp": now - 31}, {"exp": 10**40},
    ])
    gone = random.choice(["exp", "aud", "iss", "sub"])
    doubled = random.choice([b'"sub":"ana"', b'"iss":"https://second.example.com/"', b'"exp":99999999999', b'"\\u0073ub":"ana"'])
    whole = dumps(claims)
    odd = random.choice([b"{}", b"[]", b"null", b" ", b"\xff", b'{"sub":1e400}', whole + b"\0", b"\xef\xbb\xbf" + whole, whole[:-1]])
    yield "a claim changed", f"{head}.{b64(dumps(claims | one))}.{signature}"
    yield "a claim changed, signed over", token.signed(payload=claims | one)
    yield "the same claims written otherwise", f"{head}.{b64(json.dumps(claims).encode())}.{signature}"
    yield "a bad claim, signed over", token.signed(payload=claims | bad)
    yield "a claim gone, signed over", token.signed(payload={name: value for name, value in claims.items() if name != gone})
    yield "a doubled claim, signed over", token.signed(payload=whole[:-1] + b"," + doubled + b"}")
    yield "no claims set, signed over", token.signed(payload=odd)


def of_signature(random, token, other, attacker):
    own, size = token.signature, len(token.signature)
    forged = {
        "zeros": bytes(size), "ones": b"\xff" * size, "random": random.randbytes(size), "twice": own + own, "reversed": own[::-1],
        "a byte before": b"\0" + own, "a byte after": own + b"\0", "the first byte gone": own[1:], "the last byte gone": own[:-1],
        "another token's": other.signature, "the digest": hashlib.sha256(token.text.rpartition(".")[0].encode()).digest(),
    }
    if token.algorithm in ORDERS:
        forged |= ecdsa(random, own, ORDERS[token.algorithm])
    elif token.algorithm == "EdDSA":
        half, scalar = own[:32], int.from_bytes(own[32:], "little")
        forged["S + L"] = half + (scalar + ED_ORDER).to_bytes(32, "little")
        forged["S negated"] = half + (ED_ORDER - scalar).to_bytes(32, "little")
        forged["R of small order"] = (b"\1" + bytes(31)) + bytes(32)
    else:
        forged |= of_rsa(random, token)
    for title, signature in forged.items():
        yield f"signature: {title}", token.with_signature(signature)


def ecdsa(random, own, order):
    """Of these `s negated` is a sound signature, and nothing else is."""
    size = len(own) // 2
    r, s = int.from_bytes(own[:size], "big"), int.from_bytes(own[size:], "big")

    def raw(r, s, width=size):
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    return {
        "s negated": raw(r, order - s), "r negated": raw(order - r, s), "r and s swapped": raw(s, r), "r = s = 1": raw(1, 1),
        "r zero": raw(0, s), "s zero": raw(r, 0), "r = n": raw(order, s), "s = n": raw(r, order), "r = s = n": raw(order, order),
        "r + n": raw(r + order, s, size + 1), "wider halves": raw(r, s, size + random.randrange(1, 9)),
        "DER": utils.encode_dss_signature(r, s), "leading zeros off": own.lstrip(b"\0")[1:],
    }


def of_rsa(random, token):
    private, data = token.key.private, token.text.rpartition(".")[0].encode()
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[token.algorithm[2:]]
    number = int.from_bytes(token.signature, "big")
    forged = {
        "plus the modulus": (number + modulus).to_bytes(257, "big"), "the modulus less it": (modulus - number).to_bytes(256, "big"),
        "one": (1).to_bytes(256, "big"),
        "PSS without salt": private.sign(data, padding.PSS(padding.MGF1(digest), 0), digest),
        "PSS with the longest salt": private.sign(data, padding.PSS(padding.MGF1(digest), padding.PSS.MAX_LENGTH), digest),
        "PSS with SHA-1 as mask": private.sign(data, padding.PSS(padding.MGF1(hashes.SHA1()), digest.digest_size), digest),
        "PKCS #1 where PSS is due, or the other way": token.key.sign(("PS" if token.algorithm[0] == "R" else "RS") + token.algorithm[2:], data),
        "a smaller digest": token.key.sign("RS256" if token.algorithm != "RS256" else "RS384", data),
    }
    # Signed by hand: what has the digest where it should be, in a padding that is not quite one.
    hashed = hashlib.new(f"sha{token.algorithm[2:]}", data).digest()
    oid = {"256": 1, "384": 2, "512": 3}[token.algorithm[2:]]
    identifier = bytes.fromhex("06096086480165030402") + bytes([oid])

    def info(parameters):
        inner = b"\x30" + bytes([len(identifier + parameters)]) + identifier + parameters + b"\x04" + bytes([len(hashed)]) + hashed
        return b"\x30" + bytes([len(inner)]) + inner

    def padded(tail, fill=b"\xff", kind=b"\1", after=b""):
        return b"\0" + kind + fill * (253 - len(tail) - len(after)) + b"\0" + tail + after
    blocks = {
        "no NULL in the digest's name": padded(info(b"")), "no digest's name": padded(hashed), "zeros for padding": padded(info(b"\5\0"), b"\0"),
        "of the type for encryption": padded(info(b"\5\0"), kind=b"\2"), "bytes after the digest": padded(info(b"\5\0"), after=random.randbytes(20)),
        "short padding": (b"\0\1" + b"\xff" * 8 + b"\0" + info(b"\5\0") + random.randbytes(256))[:256],
    }
    for title, block in blocks.items():
        forged[title] = pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes(256, "big")
    return forged

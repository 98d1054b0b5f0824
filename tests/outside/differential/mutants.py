"""Issuers, their tokens, and mutants: tokens that are nearly valid.

The choices follow the seed. The keys, and so all signatures, do not.
"""

import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from lib.keys import SIGN, Key, base64url, compact_json, from_base64url

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
ED_ORDER = 2**252 + 27742317777372353535851937790883648493
AUDIENCE = "iot.example.com"


def hmac_secrets(key):
    """What an attacker hopes that a verifier takes as an HMAC secret."""
    pem, der = key.public_bytes(), key.public_bytes(serialization.Encoding.DER)
    jwk = key.jwk()
    return [pem, pem.strip(), der, compact_json(jwk), from_base64url(jwk.get("n", jwk.get("x"))), (key.kid or "").encode(), b""]


class Token:
    """A token and everything that it was made from, so that variants of it can be made."""

    def __init__(self, key, algorithm, header, payload):
        self.key, self.algorithm, self.header, self.payload = key, algorithm, header, payload
        self.text = self.signed()
        self.parts = self.text.split(".")
        self.signature = from_base64url(self.parts[2])

    def signed(self, header=None, payload=None, sign=None):
        """A token with another header or payload, signed by its own key or by `sign`."""
        data = f"{base64url(compact_json(header or self.header))}.{base64url(compact_json(payload or self.payload))}"
        sign = sign or (lambda data: self.key.sign(self.algorithm, data))
        return f"{data}.{base64url(sign(data.encode()))}"

    def with_signature(self, signature):
        return f"{self.parts[0]}.{self.parts[1]}.{base64url(signature)}"


def issuers():
    """Two issuers. One RSA key has six `kid`s, one for each algorithm; the second issuer uses the same `kid`s as the
    first."""
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
    """A valid token. `marker` is an unused claim that no log may contain."""
    now = int(time.time())
    payload = {
        "iss": issuer, "aud": AUDIENCE, "sub": f"u{random.randrange(10**8)}", "tenant": f"t{random.randrange(10**4)}",
        "iat": now - 60, "nbf": now - 60, "exp": now + random.randrange(3600, 90000), "marker": marker,
    }
    return Token(key, algorithm, {"alg": algorithm, "typ": "JWT"} | ({"kid": key.kid} if key.kid else {}), payload)


def mutants(random, token, other, attacker, keys):
    """Pairs of a title and a text. `other` is another valid token, `attacker` a key that no issuer publishes."""
    yield from text_mutants(random, token, other)
    yield from header_mutants(random, token, other, attacker, keys)
    yield from payload_mutants(random, token)
    yield from signature_mutants(random, token, other, attacker)


def text_mutants(random, token, other):
    text, parts = token.text, token.parts
    start, end = sorted(random.sample(range(len(text)), 2))
    index = random.randrange(3)

    def with_part(new):
        return ".".join([*parts[:index], new, *parts[index + 1:]])
    part = parts[index]
    middle = random.randrange(len(part))
    raw = bytearray(from_base64url(part))
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    yield "a bit of the text flipped", text[:start] + chr(ord(text[start]) ^ 1 << random.randrange(7)) + text[start + 1:]
    yield "a bit of the bytes flipped", with_part(base64url(raw))
    yield "a character replaced", text[:start] + random.choice(ALPHABET) + text[start + 1:]
    yield "any character put in", text[:start] + random.choice("\0\t\n %+./=_\x7f\xe9\u2028\uff21\U0001f600") + text[start:]
    yield "two characters swapped", text[:start] + text[end] + text[start + 1:end] + text[start] + text[end + 1:]
    yield "cut at the end", text[:start]
    yield "cut at the start", text[start:]
    yield "a piece taken out", text[:start] + text[end:]
    yield "a piece doubled", text[:end] + text[start:end] + text[end:]
    yield "extended", text + random.choice([*ALPHABET, "=", ".", "AAAA", " ", "\n", "\0", ".AAAA", "%00", ","])
    yield "preceded", random.choice([*ALPHABET, ".", " ", "Bearer ", "bearer\t", "\ufeff"]) + text
    yield "a part of another token", with_part(other.parts[index])
    yield "an empty part", with_part("")
    yield "a part missing", ".".join(parts[:index] + parts[index + 1:])
    yield "an additional part", ".".join([*parts[:index], random.choice(parts), *parts[index:]])
    yield "parts in another order", ".".join(random.sample(parts, 3))
    yield "a letter's case", text[:start] + text[start].swapcase() + text[start + 1:]
    yield "a part's case", with_part(random.choice([part.lower(), part.upper(), part.swapcase()]))
    yield "padding", with_part(part + "=" * random.choice([1, 2, -len(part) % 4 or 4]))
    yield "the other base64", with_part(part.replace("-", "+").replace("_", "/"))
    yield "loose bits", with_part(part[:-1] + ALPHABET[ALPHABET.index(part[-1]) ^ 1])
    yield "outside the alphabet", with_part(part[:middle] + random.choice(["\n", "\r\n", " ", "*", "%2E", "%2D", "\u200b"]) + part[middle:])


def header_mutants(random, token, other, attacker, keys):
    header, [_, payload, signature] = token.header, token.parts
    names = [*SIGN, "Ed25519", "RSA-OAEP", "dir", "", token.algorithm.lower(), token.algorithm + " "]
    name = random.choice(names)
    kid = random.choice([key.kid for key in keys if key.kid] + ["", "none", "../../keys", "' OR 1=1", "a" * 300, None, 0, {}, ["es256"]])
    extra = random.choice([
        {"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"b64": False}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"},
        {"x5c": ["AAAA"]}, {"jku": "https://attacker.example/"}, {"x5u": "file:///etc/passwd"}, {"typ": "at+jwt"}, {"typ": 1},
    ])
    key = random.choice(keys)
    algorithm = random.choice(key.algorithms)
    secret = random.choice(hmac_secrets(token.key))
    bits = random.choice(["256", "384", "512"])
    yield "another algorithm in the header", f"{base64url(compact_json(header | {'alg': name}))}.{payload}.{signature}"
    yield "another algorithm, signed", token.signed(header | {"alg": name})
    none = header | {"alg": random.choice(["none", "None", "NONE", "nOnE"])}
    yield "alg none", f"{base64url(compact_json(none))}.{payload}.{random.choice(['', signature])}"
    yield "alg missing or of another type", token.signed({**header, "alg": random.choice([None, 0, [token.algorithm], {}])})
    yield "HMAC with the public key", token.signed(
        header | {"alg": f"HS{bits}"}, sign=lambda data: hmac.digest(secret, data, f"sha{bits}"))
    yield "HMAC under the key's own algorithm", token.signed(sign=lambda data: hmac.digest(secret, data, f"sha{bits}"))
    yield "another kid", f"{base64url(compact_json(header | {'kid': kid}))}.{payload}.{signature}"
    yield "another kid, signed", token.signed(header | {"kid": kid})
    yield "no kid, signed", token.signed({"alg": token.algorithm})
    yield "an additional member", f"{base64url(compact_json(header | extra))}.{payload}.{signature}"
    yield "an additional member, signed", token.signed(header | extra)
    yield "a doubled member, signed", token.signed(compact_json(header)[:-1] + b',"alg":"' + name.encode() + b'"}')
    yield "the attacker's jwk, signed by it", token.signed(
        header | {"alg": "ES256", "jwk": attacker.jwk()}, sign=lambda data: attacker.sign("ES256", data))
    yield "the attacker's jwk only", token.signed(
        {"alg": "ES256", "jwk": attacker.jwk()}, sign=lambda data: attacker.sign("ES256", data))
    yield "signed by any key with any of its algorithms", token.signed(sign=lambda data: key.sign(algorithm, data))
    yield "that, and the header says so", token.signed(header | {"alg": algorithm}, sign=lambda data: key.sign(algorithm, data))
    named = {"alg": algorithm, "kid": key.kid} if key.kid else {"alg": algorithm}
    yield "that, with the kid", token.signed(named, sign=lambda data: key.sign(algorithm, data))
    yield "another token's header, signed", token.signed(other.header)


def payload_mutants(random, token):
    head, _, signature = token.parts
    now, claims = int(time.time()), token.payload
    change = random.choice([
        {"sub": "ana"}, {"tenant": "globex"}, {"exp": now + 10**6}, {"aud": [AUDIENCE, "x"]}, {"admin": True},
        {"iss": "https://first.example.com/"}, {"iss": "https://second.example.com/"},
    ])
    invalid = random.choice([
        {"exp": now - 3600}, {"exp": "soon"}, {"exp": None}, {"exp": -1}, {"exp": []}, {"nbf": now + 3600}, {"iat": now + 3600}, {"nbf": "x"},
        {"aud": "other"}, {"aud": []}, {"aud": [AUDIENCE.upper()]}, {"aud": {AUDIENCE: 1}}, {"iss": [claims["iss"]]}, {"iss": claims["iss"][:-1]},
        {"sub": 1}, {"sub": ""}, {"sub": "*"}, {"sub": None}, {"exp": now - 31}, {"exp": 10**40},
    ])
    missing = random.choice(["exp", "aud", "iss", "sub"])
    doubled = random.choice([b'"sub":"ana"', b'"iss":"https://second.example.com/"', b'"exp":99999999999', b'"\\u0073ub":"ana"'])
    whole = compact_json(claims)
    no_object = random.choice([b"{}", b"[]", b"null", b" ", b"\xff", b'{"sub":1e400}', whole + b"\0", b"\xef\xbb\xbf" + whole, whole[:-1]])
    yield "a claim changed", f"{head}.{base64url(compact_json(claims | change))}.{signature}"
    yield "a claim changed, signed", token.signed(payload=claims | change)
    yield "the same claims in another JSON text", f"{head}.{base64url(json.dumps(claims).encode())}.{signature}"
    yield "an invalid claim, signed", token.signed(payload=claims | invalid)
    yield "a claim missing, signed", token.signed(payload={name: value for name, value in claims.items() if name != missing})
    yield "a doubled claim, signed", token.signed(payload=whole[:-1] + b"," + doubled + b"}")
    yield "not a JSON object, signed", token.signed(payload=no_object)


def signature_mutants(random, token, other, attacker):
    valid, size = token.signature, len(token.signature)
    forged = {
        "zeros": bytes(size), "ones": b"\xff" * size, "random": random.randbytes(size), "twice": valid + valid, "reversed": valid[::-1],
        "a byte before": b"\0" + valid, "a byte after": valid + b"\0", "the first byte gone": valid[1:], "the last byte gone": valid[:-1],
        "another token's": other.signature, "the digest": hashlib.sha256(token.text.rpartition(".")[0].encode()).digest(),
    }
    if token.algorithm in ORDERS:
        forged |= ecdsa_signatures(random, valid, ORDERS[token.algorithm])
    elif token.algorithm == "EdDSA":
        half, scalar = valid[:32], int.from_bytes(valid[32:], "little")
        forged["S + L"] = half + (scalar + ED_ORDER).to_bytes(32, "little")
        forged["S negated"] = half + (ED_ORDER - scalar).to_bytes(32, "little")
        forged["R of small order"] = (b"\1" + bytes(31)) + bytes(32)
    else:
        forged |= rsa_signatures(random, token)
    for title, signature in forged.items():
        yield f"signature: {title}", token.with_signature(signature)


def ecdsa_signatures(random, valid, order):
    """Of these only `s negated` is a valid signature."""
    size = len(valid) // 2
    r, s = int.from_bytes(valid[:size], "big"), int.from_bytes(valid[size:], "big")

    def raw(r, s, width=size):
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    return {
        "s negated": raw(r, order - s), "r negated": raw(order - r, s), "r and s swapped": raw(s, r), "r = s = 1": raw(1, 1),
        "r zero": raw(0, s), "s zero": raw(r, 0), "r = n": raw(order, s), "s = n": raw(r, order), "r = s = n": raw(order, order),
        "r + n": raw(r + order, s, size + 1), "wider halves": raw(r, s, size + random.randrange(1, 9)),
        "DER": utils.encode_dss_signature(r, s), "leading zeros off": valid.lstrip(b"\0")[1:],
    }


def rsa_signatures(random, token):
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
    # Signed by hand: the digest in its place, in an invalid padding.
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

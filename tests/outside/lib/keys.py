"""Keys of tests, and what JOSE writes of them (RFC 7515, RFC 7517)."""

import base64
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import get_default_algorithms

SIGN = get_default_algorithms()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact_json(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


class Key:
    """A private key, and the `kid` and algorithms under which its issuer publishes it. With several algorithms the
    JWK has no `alg`."""

    def __init__(self, private, kid, algorithms):
        self.private, self.public, self.kid, self.algorithms = private, private.public_key(), kid, algorithms

    def jwk(self):
        jwk = json.loads(SIGN[self.algorithms[0]].to_jwk(self.public))
        jwk.pop("key_ops", None)
        named = {"alg": self.algorithms[0]} if len(self.algorithms) == 1 else {}
        return jwk | named | ({"kid": self.kid} if self.kid else {})

    def sign(self, algorithm, data):
        return SIGN[algorithm].sign(data, self.private)

    def public_bytes(self, encoding=serialization.Encoding.PEM):
        return self.public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)

    def pem(self):
        return self.public_bytes().decode()

    def private_pem(self):
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.private.private_bytes(*form).decode()


def new_key(kid, algorithm="ES256"):
    private = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    return Key(private, kid, [algorithm])


def key_set(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]})

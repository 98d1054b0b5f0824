"""TLS errors: key sets, discovery and Secrets Manager over https, with certificates made for the run."""

import datetime
import ipaddress
import json
import pathlib
import socket
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lib.checks import check
from lib.keys import key_set, new_key
from lib.paths import TEMPORARY
from sandbox import ISSUER, Sandbox, aws, issuer, token
from secrets_manager import Secret, source
from servers import KeyServer, TlsProxy

DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate and its key: self-signed, or signed by `authority`."""

    def __init__(self, name, authority=None, hosts=(), days=(-1, 1), usage=ExtendedKeyUsageOID.SERVER_AUTH):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer, now = authority or self, datetime.datetime.now(datetime.timezone.utc)
        made = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(signer.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + days[0] * DAY).not_valid_after(now + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        )
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([alternative_name(host) for host in hosts]), critical=False)
            made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        self.certificate = made.sign(signer.key, hashes.SHA256())

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def context(self, folder):
        """The context of a TLS server with this certificate."""
        file = folder / "server.pem"
        file.write_bytes(self.pem() + self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def alternative_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def with_version(context, version):
    """The same context with this version only. OpenSSL allows old versions only at security level 0."""
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def negotiated_version(port, version, roots):
    """The version that a client for it negotiates, or an error: the server must work for others, or its refusal
    shows nothing."""
    client = with_version(ssl.create_default_context(cafile=roots), version)
    try:
        with client.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as connection:
            return connection.version()
    except OSError as error:
        return str(error)


def certificates(moto):
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        folder = pathlib.Path(folder)
        trusted, unknown = Authority("an authority of the tests"), Authority("an authority of the tests")
        roots = folder / "roots.pem"
        roots.write_bytes(trusted.pem())
        here = ["localhost", "127.0.0.1"]
        run = Run(moto, roots)
        good = Authority("localhost", trusted, here)
        run.accepted("a good certificate", good.context(folder))
        run.accepted("TLS 1.2", with_version(good.context(folder), ssl.TLSVersion.TLSv1_2))
        run.accepted("TLS 1.3", with_version(good.context(folder), ssl.TLSVersion.TLSv1_3))
        for title, certificate, why in [
            ("an unknown authority", Authority("localhost", Authority("another authority"), here), "UnknownIssuer"),
            ("an unknown authority of a known name", Authority("localhost", unknown, here), "BadSignature"),
            ("another host's certificate", Authority("localhost", trusted, ["elsewhere.example.com", "127.0.0.2"]), "not valid for name"),
            ("the host name only as common name", Authority("localhost", trusted, ["elsewhere.example.com"]), "not valid for name"),
            ("an expired certificate", Authority("localhost", trusted, here, days=(-9, -1)), "expired"),
            ("a certificate that is not valid yet", Authority("localhost", trusted, here, days=(1, 9)), "not valid yet"),
            ("a self-signed certificate", Authority("localhost", None, here), "UnknownIssuer"),
            ("a client certificate", Authority("localhost", trusted, here, usage=ExtendedKeyUsageOID.CLIENT_AUTH), "extended key usage"),
            ("a CA certificate", trusted, "CaUsedAsEndEntity"),
        ]:
            run.denied(title, certificate.context(folder), why)
        for name, version, protocol in [("TLS 1.1", ssl.TLSVersion.TLSv1_1, "TLSv1.1"), ("TLS 1.0", ssl.TLSVersion.TLSv1, "TLSv1")]:
            context = with_version(good.context(folder), version)
            proxy = TlsProxy(context, moto.port)
            negotiated = negotiated_version(proxy.port, version, roots)
            proxy.end()
            check(f"a server with {name} only works for a client with {name}", negotiated == protocol, negotiated)
            run.denied(f"a server with {name} only", context, "ProtocolVersion")
        run.denied("a good certificate without its authority in SSL_CERT_FILE", good.context(folder), "UnknownIssuer", {})
        run.end()


class Run:
    """A key server and moto, for tests behind TLS proxies."""

    def __init__(self, moto, roots):
        self.moto, self.key = moto, new_key("one")
        self.keys = KeyServer(key_set(self.key))
        self.secret = Secret(moto, key_set(self.key))
        self.roots = {"SSL_CERT_FILE": str(roots)}

    def end(self):
        self.keys.end()

    def outcomes(self, context, roots):
        """For each kind of source: its name, the outcome of a valid token, the reason in the first key event, and
        problems."""
        key_server, moto = TlsProxy(context, self.keys.port), TlsProxy(context, self.moto.port)
        address = f"https://localhost:{key_server.port}"
        self.keys.bodies["/.well-known/openid-configuration"] = json.dumps({"issuer": address, "jwks_uri": f"{address}/keys"})
        for name, text, iss, more in [
            ("jwks", issuer([f"jwks:{address}/keys"]), ISSUER, {}),
            ("jwks by address", issuer([f"jwks:https://127.0.0.1:{key_server.port}/keys"]), ISSUER, {}),
            ("oidc", issuer(["oidc"], issuer=address), address, {}),
            ("secret", source(self.secret.name), ISSUER, aws(f"https://localhost:{moto.port}")),
        ]:
            with Sandbox(text, environment=roots | more) as sandbox:
                code = sandbox.decide(token(self.key, issuer=iss))
                yield name, code, sandbox.key_events()[0][1], sandbox.problems()
        key_server.end()
        moto.end()

    def accepted(self, title, context):
        wrong = [outcome for outcome in self.outcomes(context, self.roots) if outcome[1] != "allow" or outcome[3]]
        check(f"{title}: key set, discovery and secret are read", not wrong, wrong)

    def denied(self, title, context, why, roots=None):
        before = len(self.keys.requests)
        outcomes = list(self.outcomes(context, self.roots if roots is None else roots))
        wrong = [outcome for outcome in outcomes if outcome[1] != "keys_unavailable" or why not in outcome[2] or outcome[3]]
        requests = len(self.keys.requests) - before
        check(f"{title}: all sources fail, and no request is sent", not wrong and not requests, f"{requests} requests, {wrong}")
        print(f"    {outcomes[0][2].split(': look')[0]}")

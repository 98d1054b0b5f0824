"""X.509 custom authentication with tokens that are bound to a certificate (RFC 8705): the shipped authorizer with
`certificate_bound`, and an endpoint with `CUSTOM_AUTH_X509`. Two devices with certificates, one token.

Run by `./test certificates`.
"""

import base64
import hashlib
import json
import pathlib
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import control_plane
from device_client import CONNECTED, opened
from lib.checks import check, finish
from lib.gateway import command_line

# The issuer of the shipped configuration, and the line after which the key belongs to it.
AUDIENCE = 'audience   = ["iot.example.com"]'
CONFIRMATION = "x5t#S256"


def bind(folder):
    """Tokens of the shipped issuer must be bound."""
    config = folder / "authorizer.toml"
    text = config.read_text()
    assert text.count(AUDIENCE) == 1
    config.write_text(text.replace(AUDIENCE, f"{AUDIENCE}\ncertificate_bound = true"))


def thumbprint(pem):
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Device:
    """A registered certificate without a policy: what it may do, the token says."""

    def __init__(self, plane, name, status="ACTIVE"):
        _, self.files = plane.certificate(name, status=status)
        self.thumbprint = thumbprint(self.files[0].read_text())


def token(plane, confirmation):
    claims = [] if confirmation is None else ["--claim", f"cnf:={json.dumps(confirmation)}"]
    line = ("token", "--config", str(plane.folder / "authorizer.toml"), "--sub", "alice", "--claim", "tenant=acme", *claims)
    return subprocess.run(command_line(*line), capture_output=True, text=True, check=True).stdout.strip()


def connect(plane, device, password):
    certificate = device and device.files
    with opened(plane.gateway, "alice", plane.gateway.tls_port, certificate=certificate, alpn="mqtt", login=("alice", password)) as (_, event, _events):
        return CONNECTED if event() == CONNECTED else "denied"


def main():
    with control_plane("--authentication-type", "CUSTOM_AUTH_X509", edit=bind) as plane:
        device, other, inactive = Device(plane, "device"), Device(plane, "other"), Device(plane, "inactive", "INACTIVE")
        bound = {CONFIRMATION: device.thumbprint}
        for title, presented, confirmation, expected, reason in (
            ("a token bound to the certificate", device, bound, "connected", None),
            ("the same token with another registered certificate", other, bound, "denied", "certificate_mismatch"),
            ("a token without confirmation", device, None, "denied", "certificate_mismatch"),
            ("a token with another confirmation beside it", device, bound | {"jkt": "x"}, "denied", "certificate_mismatch"),
            ("a token bound to an inactive certificate", inactive, {CONFIRMATION: inactive.thumbprint}, "denied", "INACTIVE"),
            ("the token without a certificate", None, bound, "denied", None),
        ):
            before = plane.gateway.written()
            outcome = connect(plane, presented, token(plane, confirmation))
            check(f"{title} is {expected}", outcome == expected, outcome)
            if reason:
                check(f"{title}: the event log has {reason}", plane.gateway.wait_for(reason, start=before), plane.gateway.output(before))
    finish()


if __name__ == "__main__":
    main()

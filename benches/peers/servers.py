"""The servers: how each is started, and what its clients present."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

import boto3
import botocore.config
from lib.paths import ROOT
from lib.ports import free_ports

from certificates import pem
from client import Endpoint, client_tls
from process import Server

REGION = "us-east-1"
VENV = ROOT / "target/peers-venv"
PACKAGES = ["ministack==1.5.33", "moto[server]==5.2.5", "boto3==1.43.106", "cryptography==50.0.2"]
MOSQUITTO_VERSION = "2.0.11"
MOSQUITTO = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
POLICY = "bench"
FUNCTION = "jitr"
# Without `set_tcp_nodelay` each connect waits 40 ms for a delayed acknowledgement.
MOSQUITTO_CONFIGURATION = """per_listener_settings true
user root
set_tcp_nodelay true
max_connections -1
listener {password_port} 127.0.0.1
cafile {authority}
certfile {certificate}
keyfile {key}
password_file passwd
acl_file acl
listener {certificate_port} 127.0.0.1
cafile {authority}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
acl_file acl
"""
# ministack listens for devices on all interfaces, whatever BIND_HOST says.
LOOPBACK = """
from asyncio.base_events import BaseEventLoop
create_server = BaseEventLoop.create_server
def on_loopback(loop, factory, host=None, port=None, **options):
    return create_server(loop, factory, host and "127.0.0.1", port, **options)
BaseEventLoop.create_server = on_loopback
from ministack.app import main
main()
"""


def install():
    """The peers of the Python package index, in a folder of their own."""
    installed = VENV / "installed"
    if not installed.exists() or installed.read_text().split() != PACKAGES:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", *PACKAGES], check=True)
        installed.write_text("\n".join(PACKAGES))


def check_mosquitto():
    """Ends the run if mosquitto is missing or another version than the tables name."""
    version = MOSQUITTO and subprocess.run([MOSQUITTO, "-h"], capture_output=True, text=True).stdout.split()[2]
    if version != MOSQUITTO_VERSION:
        raise SystemExit(f"mosquitto is {version}; expected {MOSQUITTO_VERSION}, the package mosquitto of Debian 12")


def client(service, port):
    config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=300)
    return boto3.client(service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{port}", config=config,
        aws_access_key_id="test", aws_secret_access_key="test")


def bench_policy(account):
    """A policy for the clients of one certificate."""
    def arn(kind, resource):
        return f"arn:aws:iot:{REGION}:{account}:{kind}/{resource}"

    statements = [
        ("iot:Connect", arn("client", "bench/*")), (["iot:Publish", "iot:Receive"], arn("topic", "acme/users/bench/*")),
        ("iot:Subscribe", arn("topicfilter", "acme/users/bench/*"))]
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]}


def register_bench(iot, authority, account):
    """The certificate of the bench's clients, with its policy."""
    iot.create_policy(policyName=POLICY, policyDocument=json.dumps(bench_policy(account)))
    certificate = pem(authority.issue("bench"))
    made = iot.register_certificate_without_ca(certificatePem=certificate, status="ACTIVE")
    iot.attach_policy(policyName=POLICY, target=made["certificateArn"])
    file = authority.folder / "bench.pem"
    file.write_text(certificate + authority.device("bench").read_text().partition(authority.pem)[2])
    return file


def endpoint(port, tls, **members):
    return Endpoint(port, tls, "bench/", "acme/users/bench/t", **members)


class Gateway:
    """`cargo local`, by a built program."""

    account = "123456789012"

    def __init__(self, title, program, bootstrap):
        self.title, self.program, self.bootstrap = title, program, bootstrap

    def prepare(self, folder):
        """The shipped configuration in an empty folder."""
        for part in ("policies", "keys"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "authorizer.toml", folder)

    def start(self, folder, authority, *options):
        ports = free_ports(3)
        named = ("--port", ports[0], "--tls-port", ports[1], "--mqtts-port", ports[2])
        return Server([self.program, *named, "--bootstrap", self.bootstrap, *options], ports, folder)

    def authority(self, server):
        return server.folder / ".iot-local/ca.pem"

    def iot(self, server):
        return client("iot", server.ports[0])

    def credentials(self):
        """What its clients may present, by name; messages are measured with the first."""
        return {"JWT": self.jwt, "certificate": self.certificate}

    def jwt(self, server, authority):
        line = [self.program, "token", "--sub", "bench", "--claim", "tenant=acme"]
        token = subprocess.run(line, cwd=server.folder, capture_output=True, text=True, check=True).stdout.strip()
        tls = client_tls(self.authority(server), protocol="mqtt")
        return endpoint(server.ports[1], tls, user=f"bench?token={token}")

    def certificate(self, server, authority):
        file = register_bench(self.iot(server), authority, self.account)
        return self.devices(server, file)

    def devices(self, server, file=None):
        """The endpoint of devices with certificates."""
        return endpoint(server.ports[2], client_tls(self.authority(server), file))

    def function(self, folder, program, authority):
        """The option that runs the provisioning function for the devices of a CA."""
        (folder / "provision.toml").write_text(
            f'[[authority]]\nca_certificate_id = "{authority.id}"\nthing = "${{CommonName}}"\npolicy = "device"\n'
            'attributes = { country = "${Country}" }\nexpected = "anyone"\n')
        return "--lambda", f"{FUNCTION}=LAMBDA_TASK_ROOT='{folder}' exec '{program}'"


class Mosquitto:
    """mosquitto with a listener for passwords and one for certificates, each with an ACL."""

    title = f"mosquitto {MOSQUITTO_VERSION}"

    def __init__(self, program):
        self.program = program

    def prepare(self, folder):
        line = ["mosquitto_passwd", "-b", "-c", folder / "passwd", "bench", "secret"]
        subprocess.run(line, check=True, capture_output=True)
        (folder / "acl").write_text("pattern readwrite acme/users/%u/#\n")

    def start(self, folder, authority):
        ports, (certificate, key) = free_ports(2), authority.server()
        (folder / "conf").write_text(MOSQUITTO_CONFIGURATION.format(
            password_port=ports[0], certificate_port=ports[1], authority=authority.file, certificate=certificate,
            key=key))
        return Server([self.program, "-c", "conf"], ports, folder)

    def credentials(self):
        return {"password": self.password, "certificate": self.certificate}

    def password(self, server, authority):
        return endpoint(server.ports[0], client_tls(authority.file), user="bench", password="secret")

    def certificate(self, server, authority):
        return endpoint(server.ports[1], client_tls(authority.file, authority.device("bench")))


class Ministack:
    """ministack with AUTH=true, which alone holds certificates to their policies, and with its state on disk."""

    title = PACKAGES[0].replace("==", " ")
    account = "000000000000"

    def prepare(self, folder):
        (folder / "state").mkdir()

    def start(self, folder, authority):
        ports = free_ports(2)
        settings = {
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(ports[0]), "IOT_MTLS_PORT": str(ports[1]), "AUTH": "true",
            "PERSIST_STATE": "1", "STATE_DIR": str(folder / "state"), "TMPDIR": str(folder)}
        return Server([VENV / "bin/python", "-c", LOOPBACK], ports, folder, os.environ | settings)

    def authority(self, server):
        file = server.folder / "ministack-ca.pem"
        if not file.exists():
            address = f"http://127.0.0.1:{server.ports[0]}/_ministack/iot/ca.pem"
            with urllib.request.urlopen(address, timeout=60) as response:
                file.write_bytes(response.read())
        return file

    def iot(self, server):
        return client("iot", server.ports[0])

    def credentials(self):
        return {"certificate": self.certificate}

    def certificate(self, server, authority):
        file = register_bench(self.iot(server), authority, self.account)
        return self.devices(server, file)

    def devices(self, server, file=None):
        return endpoint(server.ports[1], client_tls(self.authority(server), file))


class Moto:
    """moto's server, which has no broker."""

    title = PACKAGES[1].replace("[server]==", " ")

    def prepare(self, folder):
        pass

    def start(self, folder, authority):
        ports = free_ports(1)
        return Server([VENV / "bin/moto_server", "-H", "127.0.0.1", "-p", ports[0]], ports, folder)

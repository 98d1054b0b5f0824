"""A gateway with an empty registry in a folder of its own, and what calls its API."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import boto3
import botocore.config
import botocore.exceptions

from lib.gateway import Gateway
from lib.paths import ROOT, TEMPORARY

REGION, ACCOUNT = "us-east-1", "123456789012"
AWS = pathlib.Path(sys.executable).with_name("aws")


class ControlPlane:
    """A running gateway, by its API."""

    def __init__(self, folder, gateway):
        self.folder, self.gateway = folder, gateway
        self.endpoint = f"http://127.0.0.1:{gateway.port}"
        self.registry = folder / ".iot-local" / ACCOUNT / REGION / "registry"

    def client(self, service, **options):
        """A boto3 client with any key pair."""
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        options = {"region_name": REGION, "endpoint_url": self.endpoint, "config": config} | options
        return boto3.client(service, aws_access_key_id="any", aws_secret_access_key="any", **options)

    def certificate(self, name, *policies, status="ACTIVE"):
        """A certificate of CreateKeysAndCertificate with these policies: its ARN, and its files, certificate and key."""
        iot = self.client("iot")
        answer = iot.create_keys_and_certificate(setAsActive=status == "ACTIVE")
        files = [self.folder / f"{name}.pem", self.folder / f"{name}.key"]
        for file, text in zip(files, (answer["certificatePem"], answer["keyPair"]["PrivateKey"])):
            file.write_text(text)
        for policy in policies:
            iot.attach_policy(policyName=policy, target=answer["certificateArn"])
        return answer["certificateArn"], files

    def environment(self):
        """The variables with which command lines of AWS run unchanged."""
        names = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return names | {
            "AWS_ENDPOINT_URL_IOT": self.endpoint, "AWS_ENDPOINT_URL_STS": self.endpoint, "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_PAGER": "",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PATH": f"{AWS.parent}:{os.environ['PATH']}",
        }

    def shell(self, command, folder):
        """A command line, run unchanged in a folder."""
        return subprocess.run(
            ["sh", "-ec", command], cwd=folder, env=self.environment(), capture_output=True, text=True, timeout=60)

    def state(self):
        """The files of the registry: a change of the registry is a change of them."""
        return {path.name: path.read_bytes() for path in sorted(self.registry.iterdir()) if path.is_file()}


@contextlib.contextmanager
def control_plane(*options, edit=lambda folder: None):
    """A gateway in a temporary folder with the shipped configuration, which `edit` may change before."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        folder = pathlib.Path(folder)
        for part in ("policies", "keys"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "authorizer.toml", folder)
        edit(folder)
        with Gateway("--config", str(folder / "authorizer.toml"), *options) as gateway:
            yield ControlPlane(folder, gateway)


def error_of(call, *arguments, **members):
    """The status and the code of the error that a call gets; its answer if it gets none."""
    try:
        return call(*arguments, **members)
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]

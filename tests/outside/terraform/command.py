"""Terraform in a folder of its own: without the user's configuration, without a network, with the provider's folder."""

import glob
import json
import os
import pathlib
import shutil
import subprocess
import time

# A command takes seconds; an operation that the gateway lacks, minutes of retries.
SECONDS = 240
# Requests to anything but the gateway end here.
NO_NETWORK = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}


def plugin_folder():
    """The provider's folder: `TERRAFORM_PLUGIN_DIR`, else the first folder `tf-plugins` within three levels of the
    root of the file system; `None` without either."""
    if named := os.environ.get("TERRAFORM_PLUGIN_DIR"):
        return named
    found = (path for levels in ("", "*/", "*/*/") for path in sorted(glob.glob(f"/{levels}tf-plugins")))
    return next((path for path in found if os.path.isdir(path)), None)


def missing():
    """What is missing to run at all; `None` if Terraform and a provider's folder are here."""
    if not shutil.which("terraform"):
        return "terraform is missing"
    return None if plugin_folder() else "no folder `tf-plugins`, and TERRAFORM_PLUGIN_DIR is not set"


class Outcome:
    """What a command did, as its JSON lines report it. Actions are by the address of the resource."""

    def __init__(self, done, seconds):
        self.code, self.seconds, self.output = done.returncode, seconds, done.stdout + done.stderr
        self.events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.planned = {change["resource"]["addr"]: change["action"] for change in self.of_type("planned_change", "change")}
        self.drifted = {change["resource"]["addr"] for change in self.of_type("resource_drift", "change")}
        self.applied = {}
        for hook in self.of_type("apply_complete", "hook"):
            self.applied.setdefault(hook["resource"]["addr"], []).append(hook["action"])
        found = self.of_type("diagnostic", "diagnostic")
        self.errors = [
            f"{each.get('address', '')}: {each['summary']}: {each.get('detail', '')}" for each in found if each["severity"] == "error"]

    def of_type(self, kind, member):
        return [event[member] for event in self.events if event.get("type") == kind]


class Terraform:
    """A root module in a folder. State and lock file stay there."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        empty = self.folder / "empty.tfrc"
        empty.touch()
        # Neither AWS's nor Terraform's variables of the user, nor a profile in the home folder.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        self.environment |= NO_NETWORK | {
            "HOME": str(self.folder), "TF_CLI_CONFIG_FILE": str(empty), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true",
            # A command starts the provider three times. Its schemas are most of a start, and of its garbage.
            "GOGC": "400",
        }

    def run(self, *arguments):
        start = time.monotonic()
        done = subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=SECONDS)
        return Outcome(done, time.monotonic() - start)

    def init(self):
        return self.run("init", "-no-color", f"-plugin-dir={plugin_folder()}")

    def plan(self, **variables):
        """Exit code 0: no changes; 2: changes."""
        return self.run("plan", "-json", "-detailed-exitcode", *options(variables))

    def apply(self, *arguments, **variables):
        return self.run("apply", "-json", "-auto-approve", *arguments, *options(variables))

    def destroy(self, **variables):
        return self.run("destroy", "-json", "-auto-approve", *options(variables))


def options(variables):
    return [f"-var={name}={value}" for name, value in variables.items()]

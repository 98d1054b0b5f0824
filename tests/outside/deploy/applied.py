"""The Terraform modules applied: AWS IoT is the local gateway, the other services are moto. Apply, a second plan without
changes, a change, again none, destroy. A client connects through the authorizer that Terraform created.

Run by `./test terraform`, with the interpreter of target/test-venv. TERRAFORM_PLUGIN_DIR names the provider's folder.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "devices", "terraform", "sources")]
import applied_data
from command import Terraform, missing, options
from control_plane import REGION, ControlPlane
from device_client import CONNECTED, opened
from lib import function
from lib.checks import check, check_none, finish
from lib.gateway import Gateway, program
from lib.keys import new_key
from lib.pages import blocks
from lib.paths import ROOT, TEMPORARY
from servers import Moto

PAGE, DEPLOY = "docs/deploy-terraform.md", ROOT / "deploy/terraform"
MOTO_SERVER = pathlib.Path(__file__).with_name("moto_server.py")
TARGETS = [f"-target={target}" for target in applied_data.TARGETS]
LOGS = ("logs", "describe_log_groups")
ISSUER, AUDIENCE = "https://login.example.com", "https://iot.example.com"


def run(*arguments, cwd):
    """The output of a command of `cargo local`. Exits the test if it fails."""
    done = subprocess.run([program(), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise SystemExit(f"FAILED: cargo local {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return done.stdout


def init_folder(parent, bootstrap):
    """A folder of `cargo local init` with its packages. That of the provisioning functions is a copy here: nothing
    invokes them."""
    run("init", "authorizer", "--oidc", ISSUER, "--audience", AUDIENCE, cwd=parent)
    folder = parent / "authorizer"
    run("package", "--bootstrap", bootstrap, cwd=folder)
    package, = (folder / "target/package").glob("iot-jwt-authorizer-*.zip")
    shutil.copy(package, package.with_name(package.name.replace("iot-jwt-authorizer", "iot-provision")))
    return folder


class Account:
    """What is deployed: AWS IoT by the gateway, the rest by moto, as facts by name."""

    def __init__(self, plane, moto):
        self.plane, self.moto = plane, moto

    def client(self, service):
        return self.plane.client("iot") if service == "iot" else self.moto.client(service, REGION)

    def lists(self):
        """What each service lists."""
        return {(service, operation): getattr(self.client(service), operation)(**members).get(member, [])
                for service, operation, members, member in applied_data.LISTS}


def checked(title, outcome):
    print(f"   terraform {title}: {outcome.seconds:.1f} s", flush=True)
    detail = "\n".join(outcome.errors) or f"exit code {outcome.code}: {outcome.planned or outcome.output[-2000:]}"
    check(title, outcome.code == 0 and not outcome.errors, detail)
    return outcome


def root_module(folder, plane, moto):
    """The test's root module: the example, and the modules with everything. The code of the page is next to it."""
    shutil.copytree(DEPLOY, folder / "terraform")
    (folder / "page").mkdir()
    for number, block in enumerate(block for block in blocks(PAGE, (ROOT / PAGE).read_text()) if block.language == "hcl"):
        (folder / f"page/{number}.tf").write_text(block.text)
    (folder / "main.tf").write_text(applied_data.ROOT_MODULE)
    (folder / "key.pem").write_text(new_key("signing", "RS256").pem())
    terraform = Terraform(folder)
    services = {"IOT": plane.endpoint, "STS": plane.endpoint}
    terraform.environment |= {f"AWS_ENDPOINT_URL_{name}": url for name, url in services.items()} | {
        "AWS_ENDPOINT_URL": moto.url, "AWS_MAX_ATTEMPTS": "2", "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return terraform


def plan_without_changes(terraform, title, **given):
    planned = checked(f"plan after {title}", terraform.run("plan", "-json", "-detailed-exitcode", *TARGETS, *options(given)))
    check_none(f"the plan after {title} names no resource", map(str, planned.planned.items()))


def check_client(gateway, folder):
    """A client with a token connects through the authorizer `app`, and publishes to its own topics alone."""
    token = run("token", "--sub", "ana", cwd=folder).strip()
    for title, password, topic, expected in [
        ("a valid token, its own topic", token, "users/ana/hello", [CONNECTED, "published"]),
        ("a valid token, another user's topic", token, "users/ben/hello", [CONNECTED, "disconnected"]),
        ("a forged token", f"{token[:-4]}AAAA", None, ["denied"]),
        ("no token", "", None, ["denied"]),
    ]:
        login = ("user?x-amz-customauthorizer-name=app", password)
        with opened(gateway, "ana", gateway.tls_port, alpn="mqtt", login=login) as (client, event, _):
            found = [event()]
            if topic:
                client.publish(topic, "x", qos=1)
                found.append(event())
        check(f"through Terraform's authorizer: {title}: {', '.join(expected)}", found == expected, str(found))


def apply_all(terraform, account, folder):
    given = {"folder": str(folder), "memory_size": "256"}
    before = account.lists()
    if checked("init", terraform.init()).code:
        return
    checked("fmt of the modules and the example", terraform.run("fmt", "-check", "-recursive", str(DEPLOY)))
    checked("fmt of the page's code", terraform.run("fmt", "-check", "page"))
    checked("validate", terraform.run("validate"))
    first = checked("apply", terraform.apply(*TARGETS, **given))
    if first.code:
        return
    plan_without_changes(terraform, "the apply", **given)
    check_none("nothing is created twice, and nothing else", (f"{address}: {actions}" for address, actions in first.applied.items() if actions not in (["create"], ["read"])))
    check_none("each service lists something new", (str(name) for name, items in account.lists().items() if items == before[name]))
    check_client(account.plane.gateway, folder)

    given["memory_size"] = "512"
    second = checked("apply of a change", terraform.apply(*TARGETS, **given))
    expected = {"module.full.aws_lambda_function.authorizer": ["update"], "module.full.aws_lambda_alias.live": ["update"]}
    found = {address: actions for address, actions in second.applied.items() if actions != ["read"]}
    check("a change of the memory publishes a version, to which the alias moves", found == expected, str(found))
    plan_without_changes(terraform, "the change", **given)
    destroyed = checked("destroy", terraform.destroy(**given))
    created = {address for address, actions in first.applied.items() if actions == ["create"]}
    check_none("the destroy deletes each resource", (address for address in created if destroyed.applied.get(address) != ["delete"]))
    after = account.lists()
    check_none("nothing is left but the log that is to be kept", (f"{name}: {left}" for name in before if (left := leftovers(before[name], after[name]))))
    kept = leftovers(before[LOGS], after[LOGS], is_kept=True)
    check("the log of the example is left", len(kept) == 1, str(kept))


def leftovers(before, after, is_kept=False):
    """What a list has that it had not, without or with the log of the example, whose `keep_logs` is the default."""
    return [item for item in after if item not in before and is_kept == ("iot-jwt-authorizer-" in str(item.get("logGroupName") if isinstance(item, dict) else ""))]


def main():
    if why := missing():
        print(f"not run: {why}", flush=True)
        return finish()
    bootstrap = os.environ.get("BOOTSTRAP") or function.build()
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as parent, Moto(program=[MOTO_SERVER], MOTO_IAM_LOAD_MANAGED_POLICIES="true") as moto:
        parent = pathlib.Path(parent)
        folder = init_folder(parent, bootstrap)
        with Gateway("--config", str(folder / "authorizer.toml"), bootstrap=bootstrap, cwd=folder) as gateway:
            plane = ControlPlane(folder, gateway)
            apply_all(root_module(parent, plane, moto), Account(plane, moto), folder)
            check("the gateway did not panic", "panicked" not in gateway.output(), gateway.output()[-2000:])
    finish()


main()

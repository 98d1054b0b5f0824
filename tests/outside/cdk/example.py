"""The example of deploy/cdk/, with a folder of `cargo local init`."""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile

import synth
from lib.gateway import command_line
from lib.pages import blocks
from lib.paths import ROOT, TEMPORARY

PAGE = ROOT / "docs/deploy-cdk.md"
EXAMPLE = synth.PACKAGE / "examples/init-folder"


def errors():
    """What is wrong with the stacks of the example and of the page's app."""
    synth.compile_package()
    with tempfile.TemporaryDirectory(dir=TEMPORARY, prefix="cdk-example-") as parent:
        folder, app = f"{parent}/my-authorizer", f"{parent}/app"
        init = command_line("init", folder, "--oidc", "https://issuer.example.com", "--audience", "iot")
        subprocess.run(init, cwd=ROOT, check=True, capture_output=True)
        os.makedirs(f"{folder}/target/package")
        # CDK reads the bytes alone; `./test package` builds packages.
        for name in ("iot-jwt-authorizer", "iot-provision"):
            with open(f"{folder}/target/package/{name}-arm64.zip", "wb") as package:
                package.write(name.encode())
        install(app, parent)
        missing = run(app, parent, {})
        if missing.returncode == 0 or "-c folder" not in missing.stderr:
            yield f"without a folder: {missing.stderr}"
        yield from stack_errors(app, parent, folder, 1)
        text = PAGE.read_text()
        apps = [block for block in blocks(PAGE.name, text) if block.language == "js"]
        if not apps:
            yield "the page has no app"
        for block in apps:
            with open(f"{app}/app.mjs", "w") as file:
                file.write(block.text)
            yield from (f"{block.place}: {error}" for error in stack_errors(app, parent, folder, 2))


def stack_errors(app, parent, folder, functions):
    """What is wrong with the stack of an app, which has so many functions."""
    done = run(app, parent, {"folder": folder})
    if done.returncode:
        yield done.stderr
        return
    with open(f"{parent}/out/iot-jwt-authorizer.template.json") as file:
        yield from template_errors(json.load(file), functions)


def template_errors(template, functions):
    authorizer, = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::IoT::Authorizer"]
    if authorizer["AuthorizerName"] != "app":
        yield f"the authorizer is {authorizer['AuthorizerName']}"
    of_functions = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"]
    found = [properties["Architectures"] for properties in of_functions]
    if found != [["arm64"]] * functions:
        yield f"the architectures are {found}"
    if not {"AuthorizerName", "Endpoint", "FunctionName", "LogGroup"} <= set(template["Outputs"]):
        yield f"the outputs are {sorted(template['Outputs'])}"


def install(app, parent):
    """The example's folder as after `npm install`: the packed construct, and links to what is already installed."""
    shutil.copytree(EXAMPLE, app, ignore=shutil.ignore_patterns("node_modules", "cdk.out", "package-lock.json"))
    pack = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", parent]
    name = subprocess.run(pack, cwd=synth.PACKAGE, check=True, capture_output=True, text=True).stdout.strip()
    with tarfile.open(f"{parent}/{name}") as packed:
        packed.extractall(parent, filter="data")
    os.makedirs(f"{app}/node_modules")
    os.rename(f"{parent}/package", f"{app}/node_modules/iot-jwt-authorizer-cdk")
    for name in ("aws-cdk-lib", "constructs"):
        os.symlink(synth.PACKAGE / "node_modules" / name, f"{app}/node_modules/{name}")


def run(app, parent, context):
    """Runs the app as CDK's command line does: the command of `cdk.json`, with the context in the environment."""
    with open(f"{app}/cdk.json") as file:
        command = json.load(file)["app"].split(" ")
    of_cdk = {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": f"{parent}/out", "CDK_VALIDATION": "false"}
    environment = {**os.environ, **of_cdk, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    return subprocess.run(command, cwd=app, env=environment, capture_output=True, text=True)

"""The container image and its compose file: linted, built by buildah, and run in namespaces of their own.

Run by `./test container` as root. `CONTAINER_ROOT` names a root folder that debootstrap made, which is then the base
image instead of the packages that the programs need.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import yaml

import image
from containers import Container
from lib import function, repository
from lib.checks import check, check_none, finish
from lib.paths import CARGO, CONTAINER_VENV, ROOT, TARGET, TEMPORARY

COMPOSE = ROOT / "deploy/container/compose.yaml"
IGNORED = ROOT / "deploy/container/Dockerfile.dockerignore"
# State that earlier versions wrote, for the rehearsal of upgrades. No build reads it.
RECORDED = pathlib.Path("tests/outside/release/previous")
READY = r"^Event log"
PORTS = {8080, 8443, 8883}
TOKEN = ["cargo-local", "token", "--sub", "alice"]
# Changes of the Dockerfile, and the rule of hadolint or the name of the check that finds each.
BROKEN = [
    ("USER 65532:65532\n", "USER root\n", "DL3002"), ("rust:1.95-bookworm", "rust", "DL3006"),
    ("rust:1.95-bookworm", "rust:latest", "DL3007"), ("WORKDIR /work", "WORKDIR work", "DL3000"),
    ('ENTRYPOINT ["/usr/local/bin/cargo-local"]', "ENTRYPOINT /usr/local/bin/cargo-local", "DL3025"),
    ("COPY --from=build /out/bin/", "ADD out/bin/", "DL3020"), ("--from=build /out/lib/", "--from=builder /out/lib/", "DL3022"),
    ("WORKDIR /source", "RUN cd /source", "DL3003"),
]


def hadolint(text):
    command = [CONTAINER_VENV / "bin/hadolint", "--failure-threshold", "info", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return done.returncode, done.stdout


def check_dockerfile():
    text = image.DOCKERFILE.read_text()
    code, output = hadolint(text)
    check("hadolint", code == 0, output)
    for old, new, rule in BROKEN:
        code, output = hadolint(text.replace(old, new))
        check(f"hadolint finds `{new.strip()}`", code != 0 and rule in output, output)
    ignored = {line.removeprefix("**/") for line in IGNORED.read_text().splitlines() if line and not line.startswith("#")}
    lost = [path for path in repository.files() if ignored & set(path.parts) and not path.is_relative_to(RECORDED)]
    check_none("no file of the repository is missing in the context of the build", lost)
    check("state folders are not in the context", ".iot-local" in ignored)


def check_compose():
    """docker-compose reads the file, and the services are as docs/container.md says."""
    done = subprocess.run(["docker-compose", "--file", COMPOSE, "config"], capture_output=True, text=True)
    check("docker-compose config", done.returncode == 0, done.stderr)
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    gateway, client = services["gateway"], services["client"]
    check("the client shares the gateway's network namespace", client["network_mode"] == "service:gateway")
    check("the client waits for the health check", client["depends_on"]["gateway"]["condition"] == "service_healthy")
    check("no port is published", not any("ports" in service for service in services.values()))
    hardened = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    for name, service in services.items():
        check(f"{name}: read-only, without capabilities", hardened.items() <= service.items(), service)
    targets = [volume.split(":")[-2 if volume.endswith(":ro") else -1] for volume in gateway["volumes"]]
    check("only the state folder can be written", [v for v in gateway["volumes"] if not v.endswith(":ro")] == ["state:/work/.iot-local"], targets)
    return gateway, client


def mounts(gateway, state):
    """The volumes of the compose file, with a state folder."""
    for volume in gateway["volumes"]:
        source, target, *options = volume.replace("${FOLDER:-../../docs/recipes/oidc}", str(ROOT / "docs/recipes/oidc")).split(":")
        yield f"ro:{source}" if options else str(state), target


def check_image(config, root):
    check("the image runs as user 65532", config["User"] == "65532:65532", config["User"])
    check("entry point, command and health check need no shell", config["Entrypoint"] == ["/usr/local/bin/cargo-local"]
          and config["Cmd"][0] == "serve" and config["Healthcheck"]["Test"][0] == "CMD", config)
    added = {"usr/local/bin/cargo-local", "usr/local/lib/iot-jwt-authorizer/bootstrap"}
    programs = {str(path.relative_to(root)) for path in root.rglob("*")
                if path.is_file() and not path.is_symlink() and os.access(path, os.X_OK) and ".so" not in path.name}
    if "CONTAINER_ROOT" not in os.environ:
        check("the image has no other program", {name for name in programs if not name.startswith("etc/")} == added, programs)
    for path, owner in (("work/.iot-local", 65532), ("usr/local/bin/cargo-local", 0)):
        check(f"the owner of /{path}", (root / path).stat().st_uid == owner)


def listeners(container):
    """Addresses and ports of the listening sockets in the container's network namespace."""
    found = set()
    for name in ("tcp", "tcp6"):
        table = pathlib.Path(f"/proc/{container.first_process}/net/{name}").read_text().splitlines()[1:]
        for local, state in ((line.split()[1], line.split()[3]) for line in table):
            address, port = local.split(":")
            if state == "0A":
                found.add((socket.inet_ntoa(bytes.fromhex(address)[::-1]) if name == "tcp" else address, int(port, 16)))
    return found


def check_process(container):
    status = container.status()
    check("process 1 is the gateway", status["Name"] == "cargo-local" and status["NSpid"].split()[-1] == "1", status)
    check("it runs as user 65532", set(status["Uid"].split()) == {"65532"} and set(status["Gid"].split()) == {"65532"}
          and not status["Groups"], status)
    check("it has no capabilities and gets none", not int(status["CapEff"], 16) and not int(status["CapBnd"], 16)
          and status["NoNewPrivs"] == "1", status)
    found = listeners(container)
    outside = {address for address, _ in found} - {"127.0.0.1"}
    check("it listens on loopback only", PORTS <= {port for _, port in found} and not outside, found)


def check_clients(container, client):
    """The client of the compose file, as it is written there, in the gateway's network namespace and outside of it."""
    done = container.execute(*TOKEN)
    token = done.stdout.strip()
    check("`cargo-local token` in the container", done.returncode == 0 and token.count(".") == 2, done.stderr)
    script = client["command"][0].replace("$$", "$")
    with tempfile.TemporaryDirectory() as folder:
        script = script.replace("/tmp/", f"{folder}/")
        rows = [
            ("the client of the compose file", container.beside, token, script, True),
            ("a client with a forged token", container.beside, token[:-4] + "AAAA", script, False),
            ("a client with another topic", container.beside, token, script.replace("users/alice", "users/bob"), False),
            ("a client of another loopback address", container.beside, token, script.replace("-h localhost", "-h 127.0.0.2"), False),
            ("a client with other authorities", container.beside, token, re.sub(r"--cafile \S+", "--cafile /etc/ssl/certs/ca-certificates.crt", script), False),
            ("a client in another network namespace", elsewhere, token, script, False),
        ]
        for title, place, given, text, allowed in rows:
            done = place(*client["entrypoint"], text, env={"PATH": os.environ["PATH"], "TOKEN": given}, timeout=60)
            check(f"{title} is {'allowed' if allowed else 'denied'}", (done.returncode == 0) == allowed, done.stderr + container.output()[-1500:])
    topics = container.output()
    check("the gateway's event log has the publish", "users/alice/x" in topics, topics[-2000:])


def elsewhere(*arguments, **options):
    """Runs a program in a network namespace of its own, as another container does."""
    command = ["unshare", "--net", "--", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def check_neighbour(container):
    """A container on the same network reaches no port of the gateway, only its address."""
    pid = container.first_process
    script = f"""
    ip link set lo up
    ip link add left type veth peer name right netns {pid}
    ip address add 192.0.2.1/30 dev left; ip link set left up
    nsenter --target={pid} --net -- sh -ec 'ip address add 192.0.2.2/30 dev right; ip link set right up'
    exec "$0" -c "$1"
    """
    program = """
import socket
server = socket.create_server(("192.0.2.1", 0))
for port in (8080, 8443, 8883):
    try:
        socket.create_connection(("192.0.2.2", port), 5)
        print("open", port)
    except ConnectionRefusedError:
        print("refused", port)
"""
    done = subprocess.run(["unshare", "--net", "--", "sh", "-ec", script, sys.executable, program], capture_output=True, text=True)
    check("a neighbour's connections are refused", done.stdout.split() == ["refused", "8080", "refused", "8443", "refused", "8883"],
          done.stdout + done.stderr)


def check_runs(config, root, gateway, client, folder):
    state = folder / "state"
    shutil.copytree(root / "work/.iot-local", state)
    os.chown(state, 65532, 65532)
    health, volumes, authorities = config["Healthcheck"]["Test"][1:], list(mounts(gateway, state)), []
    for number in (1, 2):
        with Container(config, root, volumes, READY) as container:
            authorities.append((state / "ca.pem").read_text())
            check(f"start {number}: the health check passes", container.execute(*health).returncode == 0)
            if number == 1:
                check_process(container)
                check_clients(container, client)
                check_neighbour(container)
                unhealthy = container.execute(*health, "--endpoint", "http://127.0.0.1:9")
                check("the health check fails without a gateway", unhealthy.returncode == 1 and "no gateway" in unhealthy.stderr, unhealthy)
                written = container.execute("cargo-local", "completions", "bash")
                check("its programs run on a root that cannot be written", written.returncode == 0, written.stderr)
                mounted = pathlib.Path(f"/proc/{container.first_process}/mounts").read_text().splitlines()
                writable = [line.split()[1] for line in mounted if "rw" in line.split()[3].split(",")]
                devices = {f"/dev/{name}" for name in ("null", "zero", "random", "urandom")}
                check("only the state folder is writable", set(writable) - devices - {"/proc"} == {"/work/.iot-local"}, writable)
            code = container.stop()
            check(f"start {number}: SIGTERM ends the gateway with 0", code == 0, f"{code}: {container.output()[-500:]}")
    check("the state folder keeps the CA", authorities[0] == authorities[1])
    owners = {path.stat().st_uid for path in [state, *state.rglob("*")]}
    check("all state belongs to user 65532", owners == {65532}, owners)
    check("the CA key is readable by its owner only", (state / "private/ca.key.pem").stat().st_mode & 0o077 == 0)


def main():
    check_dockerfile()
    gateway, client = check_compose()
    subprocess.run([CARGO, "build", "--quiet", "--locked", "--package", "iot-local"], cwd=ROOT, check=True)
    programs = {"bin/cargo-local": TARGET / "debug/cargo-local", "lib/bootstrap": os.environ.get("BOOTSTRAP") or function.build()}
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        folder = pathlib.Path(folder)
        builder = image.Builder(folder)
        builder.import_base(os.environ.get("CONTAINER_ROOT"))
        config, root = builder.build(programs)
        check_image(config, root)
        check_runs(config, root, gateway, client, folder)
    finish()


main()

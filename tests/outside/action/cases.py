"""Pull requests as data: what the base has, what the pull request changes, and what the action must say."""

from dataclasses import dataclass, field

MARKUP = '<img src=x onerror=alert(1)>|`</code>[a](http://evil.test) @everyone #1'
COMMAND = "\n::set-env name=PATH::/evil\n::error::planted\n##[add-mask]x\n${{ github.token }}"
CASES_FILE = "policies/app-user.cases.json"
POLICY = "policies/app-user.json"


@dataclass(frozen=True)
class Link:
    """A symbolic link to a path."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """A submodule, which is a commit in a tree."""


@dataclass(frozen=True)
class Folder:
    """A folder with all files of the configuration."""


@dataclass(frozen=True)
class Edit:
    """Replaces a text of a file of the base, or of the folder if the base does not have it."""

    old: str
    new: str


@dataclass
class Case:
    """A pull request: what changes in the folder of `cargo local init` for the base, and in the base for the pull
    request. `None` removes a file."""

    title: str
    head: dict = field(default_factory=dict)
    base: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    # Texts in the summary, or in the log if there is no summary; and texts in neither.
    says: list = field(default_factory=list)
    omits: list = field(default_factory=list)
    outputs: dict = field(default_factory=dict)


RETAIN = Edit('"Action": "iot:Publish"', '"Action": ["iot:Publish", "iot:RetainPublish"]')
ISSUER = '"https://login.acme.test/"'
KEYS = '["oidc"]'
OF_VARIABLE = {"authorizer.toml": Edit(ISSUER, '"${env:ISSUER}"')}
MODULES = ("report.py", "trees.py", "json.py", "sitecustomize.py", "tomllib.py", "usercustomize.py")
NO_TESTS = {CASES_FILE: None}

PASSED = [
    Case("nothing changed", says=["IoT authorizer: passed", "0 wrong", "0 gains, 0 not accepted", "namespace without interfaces"],
         outputs={"result": "passed", "errors": "0", "warnings": "0", "gains": "0", "not-accepted": "0"}),
    Case("a comment", head={"authorizer.toml": Edit("[[issuer]]", "# comment\n[[issuer]]")}, outputs={"gains": "0"}),
    Case("a lost permission", base={POLICY: RETAIN}, head={POLICY: Edit(RETAIN.new, RETAIN.old)}, outputs={"gains": "0"},
         says=["loss", "user.json", "iot:RetainPublish topic/users/ana/*"]),
    Case("an accepted gain", head={POLICY: RETAIN, "accepted": "user.json iot:RetainPublish topic/users/ana/*\n"},
         says=["1 gain, 0 not accepted"], outputs={"gains": "1", "not-accepted": "0"}),
    Case("a gain, with `fail-on: nothing`", head={POLICY: RETAIN}, inputs={"fail-on": "nothing"},
         says=["1 gain, 1 not accepted"], outputs={"gains": "1", "not-accepted": "1"}),
    Case("a variable that `env-names` names", base=OF_VARIABLE, inputs={"env-names": "OTHER ISSUER"}, outputs={"gains": "0"}),
    Case("a subfolder", base={"apps/iot": Folder()}, head={"README.md": "x"},
         inputs={"config": "apps/iot/authorizer.toml", "claims": "apps/iot/claims"}, outputs={"gains": "0"}),
    Case("the first configuration", base={"authorizer.toml": None}, head={"authorizer.toml": Edit("", "")},
         says=["the base has no authorizer.toml"], outputs={"gains": ""}),
    Case("no claims files", base={"claims/user.json": None}, says=["no claims files in claims"], outputs={"gains": ""}),
    Case("no base", inputs={"base": ""}, says=["there is no base commit"], outputs={"gains": ""}),
    Case("modules of Python", head={name: "raise SystemExit('planted')" for name in MODULES}, omits=["planted"]),
    Case("attributes of Git", base={".gitattributes": "* filter=planted export-ignore export-subst eol=crlf\n"}, outputs={"gains": "0"}),
    Case("a bare repository", base={"bare/HEAD": "ref: refs/heads/main\n", "bare/config": "[core]\n\tfsmonitor = echo planted\n"}, omits=["planted"]),
    Case("a submodule", head={"module": Submodule()}, says=["head: module", "not a regular file"]),
    Case("names with markup", head={f"{name}.md": Link("x") for name in (MARKUP.replace("/", "_"), COMMAND.replace("/", "_"), "a\tb", "\u202egnp")},
         says=["<img src=x onerror=alert(1)>", "@everyone #1", r"\u{a}::set-env name=PATH", "${{ github.token }}", r"a\u{9}b", r"\u{202e}gnp"]),
    Case("names that are not UTF-8", head={"b\udcff.md": Link("x")}, says=[r"b\u{dcff}.md"]),
    Case("a large file that is not read", head={"large.bin": "x" * 2_000_000}, says=["large.bin", "larger than 1048576 bytes"]),
]
DENIED = [
    Case("an unknown table", head={"authorizer.toml": Edit("[[grant]]", "[[grants]]")}, says=["IoT authorizer: failed", "grants"]),
    Case("invalid TOML", head={"authorizer.toml": "a = [\n::error::planted"}, says=["invalid TOML 1.0"]),
    Case("no configuration any more", head={"authorizer.toml": None}, says=["no such file"]),
    Case("a renamed configuration", head={"authorizer.toml": None, "b/authorizer.toml": "x"}, says=["no such file"]),
    Case("a policy without a file", head={POLICY: None}, says=["app-user", "no such file"]),
    Case("a policy test that fails", head={POLICY: Edit("topic/users/${sub}/*", "topic/users/ben/*")}, says=["wrong", CASES_FILE], outputs={"result": "failed"}),
    Case("a warning", head={POLICY: Edit("topic/users/${sub}/*", "topic/*"), **NO_TESTS}, outputs={"errors": "0"}, says=["matches the same topics for every token"]),
    Case("a gain", head={POLICY: RETAIN}, says=["1 gain, 1 not accepted", "iot:RetainPublish topic/users/ana/*"],
         outputs={"errors": "0", "result": "failed", "gains": "1", "not-accepted": "1"}),
    Case("an accepted gain of another subject", head={POLICY: RETAIN, "accepted": "other.json iot:RetainPublish topic/users/ana/*\n"}, says=["1 not accepted"]),
    Case("a gain that is hidden by changed claims", head={POLICY: RETAIN, "claims/user.json": '{"sub": 1}'},
         says=["1 not accepted", "compared with the base's user.json"]),
    Case("a gain that is hidden by removed claims", head={POLICY: RETAIN, "claims/user.json": None}, says=["1 not accepted", "changes or removes"]),
    Case("a gain that is hidden by a link", head={POLICY: RETAIN, "claims/user.json": Link("/dev/null")}, says=["1 not accepted", "symbolic link"]),
    Case("an invalid base", base={"authorizer.toml": Edit("[[grant]]", "[[grants]]")}, head={"authorizer.toml": Edit("[[grants]]", "[[grant]]")},
         says=["cannot compare permissions"], outputs={"gains": ""}),
    Case("markup in a permission", head={POLICY: Edit("topic/users/${sub}/*", 'topic/' + MARKUP.replace("#1", "1") + '/${sub}'), **NO_TESTS},
         says=["<img src=x onerror=alert(1)>", "@everyone", "](http://evil.test)"], inputs={"deny-warnings": "false"}),
    Case("markup and commands in a finding", head={"authorizer.toml": Edit("[[grant]]", '[[grant]]\n"' + (MARKUP + COMMAND).replace("\n", "\\n") + '" = 1')},
         says=["<img src=x onerror=alert(1)>", "::set-env name=PATH::/evil"]),
    Case("a policy that is a link", head={POLICY: Link("/etc/passwd")}, says=["no such file", "symbolic link"], omits=["root:x"]),
    Case("a folder that is a link", head={"policies": Link("/etc")}, says=["no such file", "symbolic link"], omits=["root:x"]),
    Case("a configuration that is a link", head={"authorizer.toml": Link("../../etc/passwd")}, says=["no such file"], omits=["root:x"]),
    Case("a large policy", head={POLICY: Edit('"Statement"', " " * 1_100_000 + '"Statement"')}, says=[f"head: {POLICY}", "larger than 1048576 bytes"]),
    Case("a policy's name with a path", head={"authorizer.toml": Edit('"app-user"', '"../../etc/passwd"')}, says=["invalid policy name"]),
    Case("an absolute key file", head={"authorizer.toml": Edit(KEYS, '["file:/etc/passwd"]')}, says=["outside of the configuration's folder"]),
    Case("a key file in a parent folder", head={"authorizer.toml": Edit(KEYS, '["file:keys/../../../secret"]')}, says=["outside of the"]),
    Case("an escaped key file", head={"authorizer.toml": Edit(KEYS, '["\\u0066ile:/etc/passwd"]')}, says=["outside of the"]),
    Case("an escape of TOML 1.1", head={"authorizer.toml": Edit(KEYS, '["\\x66ile:/etc/passwd"]')}, says=["invalid TOML 1.0"]),
    Case("a key file by a variable", head={"authorizer.toml": Edit(KEYS, '["file:${env:ROOT_FOLDER}etc/passwd"]')},
         inputs={"env-names": "ROOT_FOLDER"}, says=["outside of the"]),
    Case("a revocation list outside", head={"authorizer.toml": Edit("[claims]", '[revocation]\nsource = "file:/etc/passwd"\n[claims]')}, says=["outside of the"]),
    Case("a device list outside", head={"provision.toml": '[[authority]]\nexpected = "list:../../etc/passwd"\n'}, says=["provision.toml: list:../../etc/passwd is outside"]),
    Case("an invalid provision.toml", head={"provision.toml": "[[unknown]]\n"}, says=["provision.toml", "unknown"], outputs={"result": "failed"}),
    *(Case(f"the variable {name}", head={"authorizer.toml": Edit(ISSUER, f'"${{env:{name}}}"')}, says=[name])
      for name in ("DEPLOY_SECRET", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PATH", "HOME")),
]
# The log names the input. There is no summary.
INVALID_INPUTS = [
    *(Case(f"env-names: {name}", inputs={"env-names": f"ISSUER {name}"}, says=["env-names: invalid name"])
      for name in ("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "github_token", "GH_TOKEN", "LD_PRELOAD", "PATH", "A=B", "1A", "${{A}}", "A;B")),
    *(Case(f"{name}: {path}", inputs={name: path}, says=[f"{name}: invalid path"])
      for name in ("config", "claims", "accept") for path in ("../x", "/etc/passwd", "a/../../b")),
    Case("deny-warnings: yes", inputs={"deny-warnings": "yes"}, says=['invalid value "yes"; expected true or false']),
    Case("fail-on: errors", inputs={"fail-on": "errors"}, says=["fail-on: invalid value"]),
    Case("a program that does not exist", inputs={"program": "/nonexistent/cargo-local"}, says=["program: no file"]),
    Case("a program of the pull request", head={"cargo-local": "#!/bin/sh\necho planted"}, inputs={"program": "cargo-local"},
         says=["program: inside the workspace"], omits=["planted"]),
    Case("an unknown base", inputs={"base": "0" * 40}, says=["unknown commit 0000", "fetch-depth: 0"]),
    Case("a base that is an option", inputs={"base": "--help"}, says=["unknown commit --help"]),
    Case("an unrelated base", inputs={"base": "unrelated"}, says=["have no common commit"]),
    Case("a command in an input", inputs={"base": "x\n::set-env name=PATH::/evil"}, says=["unknown commit"]),
]

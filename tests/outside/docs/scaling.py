"""docs/scaling.md and its script: formulas against values calculated by hand, errors that stop the script, and the
sizes of log lines.

Run by `./test scaling`. BOOTSTRAP names a built authorizer.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import example, function
from lib.checks import check_none, finish
from lib.paths import ROOT

# The scripts under test. This file has the name of one of them, so their folder has to come first.
sys.path.insert(0, str(ROOT / "docs"))
import scaling
import scaling_model as model

ARM = model.Setting(256, "arm64")
DAILY = model.Fleet("one a second for two hours each", 86_400, 1, 7200, 3600, 60)
QUIET = {(row, column): 1.0 for row in ("echo", "bundled keys", "a secret over TLS") for column in ("to first poll", "first event", "warm event")}
HEAD = "| start with | to first poll, ms | first event, ms | warm event, us |\n| --- | --- | --- | --- |\n"
ROWS = [f"| {name} | 1.5 | 0.2 | 50 |\n" for name in ("echo", "bundled keys", "a secret over TLS")]
TABLE = HEAD + "".join(ROWS) + "\n"
SLOW = QUIET | {("bundled keys", "to first poll"): 1.5, ("bundled keys", "first event"): 1.2, ("a secret over TLS", "to first poll"): 3.0}
ALARMS = "      MetricName: Errors\n              MetricName: refused\n          [{\"expression\": \"MetricName=\"}]\n"
# Calculated by hand: formula, arguments, result.
CASES = [
    (model.factor, (1769,), 2), (model.factor, (3008,), 2), (model.factor, (884.5,), 4),
    (model.on_lambda, (10, 3, 1, 1769), 14), (model.on_lambda, (10, 1, 1, 128), 10),
    (model.calls_of_session, (600, 3600), 1), (model.calls_of_session, (3600, 3600), 1),
    (model.calls_of_session, (3601, 3600), 2), (model.calls_of_session, (86400, 3600), 24),
    (model.connects_a_second, (DAILY,), 1), (model.calls_a_second, (DAILY,), 2),
    (model.cold_wait, (20, 5), 0.275), (model.busy, (1000, 2), 2),
    (model.sandboxes, (1000, 2), 100), (model.sandboxes, (10, 500), 5), (model.sandboxes, (0.5, 2), 1), (model.sandboxes, (101, 2), 11),
    (model.opened, (1000, 0.25, 2, 10**6), 250),
    (model.opened, (1000, 0.25, 2, 40), 40),  # no more than clients
    (model.opened, (1000, 0.25, 2, 10**6, 10), 10),  # no more than the account may
    (model.opened, (100_000, 0.25, 2, 10**6, 10**6), 1025),  # 1,000 at once and 100 a second
    (model.opened, (1000, 0.01, 2, 10**6), 100),  # ten calls a second each
    (model.taken, (2999,), 2999), (model.taken, (10**6,), 3000),
    (model.attempts, (90_000,), 1), (model.attempts, (180_000,), 1.25), (model.attempts, (180_000, 120), 1),
    (model.cold_starts, (1000, 0, 2), 10), (model.cold_starts, (7_200_000, 1000, 2), 200), (model.cold_starts, (100, 1, 2), 100 / 3600),
    (model.fetches_a_second, (1000, 2, "secret"), 100 / 270 * 3), (model.fetches_a_second, (0.001, 2, "secret"), 0.003),
    (model.fetches_a_second, (2700, 2, "oidc"), 2), (model.fetches_a_second, (1000, 2, "bundled"), 0),
    (model.gb_seconds, (1e6, 2, 256), 500), (model.iot_money, (1e6, 60e6), 5.8),
    # A call of 1 ms takes 2 ms with the margin; half of the processors may be used.
    (model.processors, (1000, QUIET, 0.5), 4), (model.instances, (1000, QUIET, 0.5), 3), (model.instances, (10_000, QUIET, 0.5), 20),
    (lambda part: model.instance_money(3)[part], (0,), 178.704), (lambda part: model.instance_money(3)[part], (1,), 26.8056),
    # 0.0000000066667 dollars for the duration of a call, against 205.5096 dollars a month.
    (model.break_even, (QUIET, ARM), 205.5096 / (0.0000133334 * 0.25 * 0.002) / 2_628_000),
    (model.target, ("  TargetCpuPercent:\n    Default: 40\n",), 0.4),
    (model.line_bytes, (ARM,), 0.99 * model.LINE["allow"] + 0.01 * model.LINE["deny"]),
    (model.line_bytes, (model.Setting(256, "arm64", level="WARN"),), 0.01 * model.LINE["deny"]),
    (scaling.number, (0.026,), "0.026"), (scaling.number, (1666.7,), "1,667"), (scaling.number, (0,), "0"), (scaling.dollars, (0.00664,), "$0.0066"),
    (model.warm_price, (model.Setting(1024, "arm64"),), 0.0000033334), (model.warm_price, (model.Setting(512, "x86_64"),), 0.0000041667 / 2),
    # A million calls of 2 ms at 0.25 GB, a hundredth of them cold and of 16 ms: 495 and 40 GB-seconds.
    (lambda part: model.money(1e6, 0, ARM, QUIET)[part], ("requests",), 0.2),
    (lambda part: model.money(1e6, 0, ARM, QUIET)[part], ("duration",), 495 * 0.0000133334),
    (lambda part: model.money(1e6, 0, ARM, QUIET)[part], ("cold starts",), 40 * 0.0000133334),
    (lambda part: model.money(1e6, 0, model.Setting(256, "x86_64"), QUIET)[part], ("duration",), 495 * 0.0000166667),
    (lambda part: model.money(1e6, 0, model.Setting(256, "arm64", traced=True), QUIET)[part], ("traces",), 0.25),
    (lambda part: model.money(1e6, 0, ARM, QUIET)[part], ("traces",), 0),
    (lambda part: model.money(1e6, 0, model.Setting(256, "arm64", "secret"), QUIET)[part], ("reads of a secret",), 0.15),
    # Ten thousand fetches, each with a line.
    (lambda part: model.money(1e6, 0, model.Setting(256, "arm64", "secret"), QUIET)[part], ("log",), (1e6 * model.line_bytes(ARM) + 1e4 * model.LINE["keys"]) / 2e9),
    (lambda part: model.money(1e6, 0, ARM, QUIET)[part], ("log kept a month",), 1e6 * model.line_bytes(ARM) / 1e9 * 0.15 * 0.03),
    (lambda: model.line_bytes(model.Setting(256, "arm64", system=True)) - model.line_bytes(ARM), (), 133 + 236),
    # On one whole processor the factor is 2.
    (lambda at: model.times(SLOW, model.Setting(1769, "arm64"))[at], (0,), 13.9 + 2 * 0.5),
    (lambda at: model.times(SLOW, model.Setting(1769, "arm64"))[at], (1,), 1.46 + 2 * 0.2),
    (lambda at: model.times(SLOW, model.Setting(1769, "arm64", "oidc"))[at], (0,), 13.9 + 2 * 2 + 300),
    (lambda part: model.fixed(ALARMS, ARM)[part], ("custom metrics, 8 and 5 codes",), 3.9),
    (lambda part: model.fixed(ALARMS, ARM)[part], ("alarms, 2 metrics",), 0.2),
    (lambda part: model.fixed(ALARMS, ARM)[part], ("secret",), 0),
    (lambda part: model.fixed(ALARMS, model.Setting(256, "arm64", "secret"))[part], ("secret",), 0.4),
    (lambda *row: model.measured(TABLE)[row], ("echo", "to first poll"), 1.5), (lambda *row: model.measured(TABLE)[row], ("echo", "warm event"), 0.05),
]

PAGE = "<!-- table: a -->\nold\n<!-- end -->\n"
# What has to stop the script, and a part of the error.
STOPS = [
    (lambda: model.measured("# Performance\n"), "no table"),
    (lambda: model.measured(HEAD + "".join(ROWS[:2]) + "\n"), "no `a secret over TLS`"),
    (lambda: model.measured(TABLE.replace("warm event, us", "warm event, ns")), "`echo` with `warm event, us`"),
    (lambda: model.setting("Parameters:\n  Architecture:\n    Type: String\n    Default: arm64\n"), "no default for MemorySize"),
    (lambda: model.target("Parameters:\n"), "deploy/managed-instances.yaml has no default for TargetCpuPercent"),
    (lambda: scaling.written(PAGE, {"a": "new", "b": "new"}), "has places for ['a']"),
    (lambda: scaling.written(PAGE, {}), "has places for ['a']"),
    (lambda: scaling.written(PAGE.replace("<!-- end -->", ""), {"a": "new"}), "has no end"),
]
# With the lengths of Lambda's and of real clients.
LONG = {
    "request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "function": "iot-jwt-authorizer-AuthorizerFunction-0123456789AB",
    "client_id": "0f8fad5b-d9cb-469f-a165-70867728950e/phone", "kid": "NjVBRjY5MDlCMUIwNzU4RTA2QzZF",
}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def formula_errors():
    errors = []
    for formula, given, expected in CASES:
        found = formula(*given)
        same = found == expected if isinstance(expected, str) else abs(found - expected) <= 1e-9 * max(1, abs(expected))
        errors += [] if same else [f"{formula.__name__}{given}: {found} instead of {expected}"]
    return errors


def missed_stops():
    errors = []
    for attempt, expected in STOPS:
        try:
            attempt()
            errors.append(f"not stopped by {expected!r}")
        except SystemExit as end:
            errors += [] if expected in str(end) else [f"{end} instead of {expected!r}"]
    if scaling.written(PAGE, {"a": "new"}) != PAGE.replace("old", "new"):
        errors.append("the table is not written")
    return errors


def staleness_errors():
    """A changed figure in docs/performance.md makes the check fail until the page is written again."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "docs").mkdir()
        (folder / "deploy").mkdir()
        for name in ("template.yaml", "docs/scaling.md", "docs/scaling.py", "docs/scaling_model.py", "docs/performance.md", "deploy/managed-instances.yaml"):
            shutil.copy(ROOT / name, folder / name)
        run = lambda *more: subprocess.run([sys.executable, "docs/scaling.py", *more], cwd=folder, capture_output=True, text=True)
        before = run("--check")
        slower = folder / "docs/performance.md"
        slower.write_text(slower.read_text().replace("| bundled keys | ", "| bundled keys | 9"))
        after, _, again = run("--check"), run(), run("--check")
    return [] if (before.returncode, after.returncode, again.returncode) == (0, 1, 0) and "is behind" in after.stderr else [before.stderr, after.stderr, again.stderr]


def line_sizes():
    """The bytes of a log line of each kind as on Lambda: traced, and with ids of real lengths."""

    class TracedApi(function.RuntimeApi):
        def reply(self, status, body, headers=()):
            super().reply(status, body, (*headers, ("lambda-runtime-trace-id", TRACE)) if status == 200 else headers)

    found = {}
    binary = os.environ.get("BOOTSTRAP") or function.build()
    with example.deployment("secret:keys") as folder, example.secrets_manager() as environment:
        sandbox = function.Function(binary, folder, environment=environment, api=TracedApi)
        # It is ended while it polls.
        sandbox.server.handle_error = lambda *_: None
        try:
            for call in ("RS256", "RS256", "unknown issuer"):
                sandbox.invoke(example.CALLS[call]()[0])
            deadline = time.monotonic() + 10
            while sandbox.written()[0].count("\n") < 4 and time.monotonic() < deadline:
                time.sleep(0.02)
            text = sandbox.written()[0]
        finally:
            sandbox.end()
    for text in text.splitlines():
        line = json.loads(text)
        line.update({name: value for name, value in LONG.items() if name in line})
        found["keys" if "event" in line else line["decision"]] = len(json.dumps(line, separators=(",", ":")))
    return found


def main():
    check_none(f"formulas, {len(CASES)} values calculated by hand", formula_errors())
    check_none(f"errors that stop the script, {len(STOPS)} cases", missed_stops())
    current = subprocess.run([sys.executable, "docs/scaling.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    check_none("the page is what its script writes", [current.stderr] if current.returncode else [])
    check_none("the page depends on docs/performance.md", staleness_errors())
    found = line_sizes()
    check_none(f"the log lines have the sizes of the page: {found}", [
        f"a line of `{kind}` has {found.get(kind)} bytes; docs/scaling_model.py has {bytes}"
        for kind, bytes in model.LINE.items() if abs(found.get(kind, 0) / bytes - 1) > 0.02])
    finish()


if __name__ == "__main__":
    main()

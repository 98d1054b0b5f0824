"""The report of the action as Markdown, in which every value is escaped. Also a program, for a job that posts a report
that it did not make:

report.py REPORT.json >COMMENT.md
"""

import json
import os
import sys

# GitHub's limits are 1 MiB for the summary of a step and 65,536 characters for a comment.
SUMMARY_CHARACTERS = 1_000_000
COMMENT_CHARACTERS = 65_000
# What is left for the line about what was cut.
RESERVE_CHARACTERS = 200
VALUE_CHARACTERS = 400
MAX_REPORT_BYTES = 8 * 1024 * 1024
CUT = "\u2026"


def printable(value):
    """A value as one line: other characters than printable ones, which could hide or reorder text, as `\\u{..}`."""
    text = str(value)
    text = text if len(text) <= VALUE_CHARACTERS else text[:VALUE_CHARACTERS] + CUT
    return "".join(char if char == " " or char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)


def code(value):
    """A value as inline code. Only ASCII letters, digits and spaces stay, so nothing in it is syntax of Markdown or
    HTML; and in code GitHub links no name, number or address."""
    plain = (char if char == " " or (char.isascii() and char.isalnum()) else f"&#{ord(char)};" for char in printable(value))
    return f"<code>{''.join(plain)}</code>"


def count(number, noun):
    return f"{int(number)} {noun}{'' if number == 1 else 's'}"


def findings(report):
    """All findings of the check, those of the provisioning functions last."""
    check = report["check"] or {}
    return [*check.get("findings", []), *(check.get("provision") or {}).get("findings", [])]


def cases(report):
    """The policy tests of the check, those of the provisioning functions last."""
    check = report["check"] or {}
    return [*check.get("cases", []), *(check.get("provision") or {}).get("cases", [])]


def severity_count(report, severity):
    return sum(finding["severity"] == severity for finding in findings(report))


def changes(report):
    return report["diff"]["changes"] if report["diff"] else []


def gain_count(report):
    return sum(len(change["gains"]) for change in changes(report))


def overview(report):
    """One line for each thing that was checked."""
    errors, warnings = (severity_count(report, severity) for severity in ("error", "warning"))
    allowed, denied, wrong = (sum(file[name] for file in cases(report)) for name in ("allowed", "denied", "wrong"))
    yield f"- Configuration: {count(errors, 'error')}, {count(warnings, 'warning')}"
    yield f"- Policy tests: {count(allowed, 'allowed case')}, {count(denied, 'denied case')}, {int(wrong)} wrong"
    if report["diff"]:
        losses = sum(len(change["loses"]) for change in changes(report))
        gained = f"{count(gain_count(report), 'gain')}, {int(report['diff']['notAccepted'])} not accepted"
        yield f"- Permissions: {gained}, {count(losses, 'loss') if losses == 1 else f'{losses} losses'}"
    yield from (f"- {code(problem)}" for problem in report["problems"])
    yield from (f"- {code(note)}" for note in report["notes"])


def finding_rows(report):
    for finding in findings(report):
        place = finding["file"] + (f":{finding['line']}" if finding["line"] else "")
        hint = f"<br>{code('help: ' + finding['hint'])}" if finding["hint"] else ""
        yield f"| {code(finding['severity'])} | {code(place)} | {code(finding['message'])}{hint} |"


def change_rows(report):
    for change in changes(report):
        before, after = change.get("was_refused"), change.get("is_refused")
        if before != after:
            states = [f"denied with {state}" if state else "allowed" for state in (before, after)]
            yield f"| changed | {code(change['file'])} | {code(f'was {states[0]}, is now {states[1]}')} |"
        yield from (f"| gain | {code(change['file'])} | {code(gain)} |" for gain in change["gains"])
        yield from (f"| loss | {code(change['file'])} | {code(loss)} |" for loss in change["loses"])


def table(title, columns, rows):
    """The lines of a table with a title; none without rows."""
    rows = list(rows)
    head = ["", f"### {title}", "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return [*head, *rows] if rows else []


def lines(report):
    yield f"## IoT authorizer: {'passed' if report['passed'] is True else 'failed'}"
    yield ""
    yield from overview(report)
    yield from table("Findings", ("severity", "place", "finding"), finding_rows(report))
    yield from table("Changed permissions", ("change", "claims file", "permission"), change_rows(report))
    rows = (f"| {code(entry['path'])} | {code(entry['reason'])} |" for entry in report["skipped"])
    yield from table("Skipped files", ("file", "reason"), rows)


def render(report, limit):
    """The report as Markdown of at most `limit` characters. Whole lines are left out at the end."""
    kept, length, omitted = [], 0, 0
    for line in lines(report):
        length += len(line) + 1
        if length > limit - RESERVE_CHARACTERS:
            omitted += 1
        else:
            kept.append(line)
    if omitted:
        kept += ["", f"{count(omitted, 'more line')}: see the log of the action."]
    return "\n".join(kept) + "\n"


def main(path):
    """Prints the report of another job, which is untrusted data: only this program decides what is markup."""
    if os.stat(path).st_size > MAX_REPORT_BYTES:
        raise SystemExit(f"{path}: larger than {MAX_REPORT_BYTES} bytes")
    try:
        with open(path, encoding="utf-8") as file:
            markdown = render(json.load(file), COMMENT_CHARACTERS)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise SystemExit(f"{path}: not a report of the action ({type(error).__name__})") from None
    print(markdown, end="")


if __name__ == "__main__":
    main(sys.argv[1])

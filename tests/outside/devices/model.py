"""The routes of `docs/api.md` against botocore's model of AWS IoT: method, path, required members, error codes.

Run by `./test devices`.
"""

import pathlib
import re
import sys

import botocore.session

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check, check_none, finish
from lib.paths import ROOT

ROW = re.compile(r"^\| (\S+) \| (\w+) \| `(\w+) ([^`]+)`(?:, `(\w+)`)? \|$", re.M)


def rows(page):
    """Service, operation, method and path of each row; whether it is implemented."""
    implemented, _, missing = page.partition("## Not implemented")
    for part, is_implemented in ((implemented, True), (missing, False)):
        for service, name, method, path, action in ROW.findall(part):
            yield service, name, method, path, action, is_implemented


def differences(service_model, name, method, path):
    """How a row differs from the model's operation."""
    if name not in service_model.operation_names:
        return [f"{name} is no operation of {service_model.service_name}"]
    operation = service_model.operation_model(name)
    uri, _, query = operation.http["requestUri"].partition("?")
    found = []
    if operation.http["method"] != method:
        found.append(f"{name}: method {method}; expected {operation.http['method']}")
    if uri != path:
        found.append(f"{name}: path {path}; expected {uri}")
    if query:
        found.append(f"{name}: its path has the query {query}")
    return found


def error_statuses(service_model):
    """The statuses of the model's errors, by name. JSON 1.1 names none: 400."""
    shapes = {shape.name: shape for name in service_model.operation_names for shape in service_model.operation_model(name).error_shapes}
    return {name: shape.metadata.get("error", {}).get("httpStatusCode", 400) for name, shape in shapes.items()}


def own_errors(source):
    """The statuses of `ErrorKind`, by name."""
    names = source[source.index("pub fn name"):source.index("fn query_code")]
    names = dict(re.findall(r"Self::(\w+) => \"(\w+)\"", names))
    statuses = {}
    body = source[source.index("pub fn status"):]
    for kinds, status in re.findall(r"((?:\|?\s*Self::\w+\s*)+)=> (\d{3})", body):
        for kind in re.findall(r"Self::(\w+)", kinds):
            statuses[names[kind]] = int(status)
    return statuses


# Not in AWS's models: errors of the common front of all services, and of this gateway.
COMMON = {
    "MissingAuthenticationTokenException": 403, "InvalidSignatureException": 403, "ForbiddenException": 403,
    "IncompleteSignatureException": 400, "UnrecognizedClientException": 403, "ExpiredTokenException": 403, "AccessDeniedException": 403,
    "RequestEntityTooLargeException": 413, "MisdirectedRequestException": 421, "NotImplementedException": 501,
}


def main():
    session = botocore.session.get_session()
    services = ("iot", "iot-data", "cognito-identity", "sts", "lambda")
    models = {name: session.get_service_model(name) for name in services}
    table = list(rows((ROOT / "docs/api.md").read_text()))
    check("docs/api.md has more than 100 operations", len(table) > 100, str(len(table)))
    found = []
    for service, name, method, path, action, _ in table:
        if service in models:
            found += differences(models[service], name, method, path)
        if path == "/" and action != name:
            found.append(f"{name}: the page names {action!r} as action")
    check_none("methods and paths are those of botocore's models", found)
    errors = own_errors((ROOT / "local/cloud/src/error.rs").read_text())
    statuses = {name: status for model in reversed(models.values()) for name, status in error_statuses(model).items()}
    check("error.rs is read", len(errors) > 15, str(errors))
    found = [f"{name}: {status}; expected {(statuses | COMMON).get(name)}" for name, status in errors.items()
        if (statuses | COMMON).get(name) != status]
    check_none("names and statuses of errors are those of botocore's models", found)
    changed = [row for row in table if differences(models.get(row[0], models["iot"]), row[1], "TRACE", row[3])]
    check("a row with another method is found", len(changed) == len(table), f"{len(changed)} of {len(table)}")
    finish()


main()

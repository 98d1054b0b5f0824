"""The calls of a table, made by boto3 in place of plain HTTP."""

import json
import re
from urllib.parse import parse_qsl, unquote

import botocore.config
import botocore.exceptions

from shapes import differences
from table import expand

LABEL = re.compile(r"\\{(\w+)\\}")
INTEGERS = ("integer", "long")


class NotACall(Exception):
    """No operation of the model makes this request."""


class Caller:
    """A client that checks no parameters, so that the gateway has to."""

    def __init__(self, plane):
        config = botocore.config.Config(parameter_validation=False, retries={"total_max_attempts": 1})
        self.client, self.port = plane.client("iot", config=config), plane.gateway.port
        self.methods = {operation: method for method, operation in self.client.meta.method_to_api_mapping.items()}
        model = self.client.meta.service_model
        self.operations = [model.operation_model(name) for name in model.operation_names]
        # A path without labels comes before one that a label could also be.
        self.operations.sort(key=lambda operation: operation.http["requestUri"].count("{"))

    def difference(self, call):
        """How the result differs from the expected one; `None` if it does not.

        Raises `NotACall` if boto3 cannot make this request."""
        operation, members = self.arguments(call)
        try:
            getattr(self.client, self.methods[operation.name])(**members)
            found = "200"
        except botocore.exceptions.ClientError as error:
            found = f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"
        except Exception as error:
            # botocore's serializer takes values of the model's types only.
            raise NotACall(repr(error)) from error
        return None if found == call["expect"] else f"{operation.name}: {found}"

    def arguments(self, call):
        """The operation that makes a request, and its arguments."""
        method, _, target = expand(call["send"], self.port).partition(" ")
        path, _, query = target.partition("?")
        if {"base64", "text"} & call.keys() or "Authorization" in call.get("headers", {}):
            raise NotACall("not JSON, or without the client's signature")
        for operation in self.operations:
            pattern = LABEL.sub(r"(?P<\1>[^/]+)", re.escape(operation.http["requestUri"]))
            if operation.http["method"] == method and (match := re.fullmatch(pattern, path)):
                parts = {"uri": {name: unquote(text) for name, text in match.groupdict().items()}}
                parts["querystring"] = dict(parse_qsl(query, keep_blank_values=True))
                parts["header"] = {name.lower(): expand(value, self.port) for name, value in call.get("headers", {}).items()}
                return operation, self.members(operation, parts, expand(call.get("body") or {}, self.port))
        raise NotACall("no such operation")

    def members(self, operation, parts, body):
        if not isinstance(body, dict):
            raise NotACall("the body is no object")
        shape, found = operation.input_shape, {}
        for name, member in (shape.members.items() if shape else ()):
            location, key = member.serialization.get("location"), member.serialization.get("name", name)
            source = body if location is None else parts[location]
            key = key.lower() if location == "header" else key
            if key in source:
                found[name] = source.pop(key) if location is None else typed(member, source.pop(key))
                # botocore would send another value in the place of one of another type.
                if any("; expected " in difference for difference in differences(member, found[name], name)):
                    raise NotACall(f"{name} is no {member.type_name}")
        if body or any(parts.values()):
            raise NotACall(f"members that the model does not have: {json.dumps([body, parts])[:200]}")
        return found


def typed(member, text):
    """The value of a parameter in a path, a query or a header."""
    if member.type_name == "boolean" and text in ("true", "false"):
        return text == "true"
    if member.type_name in INTEGERS and re.fullmatch(r"-?\d+", text):
        return int(text)
    if member.type_name == "string":
        return text
    raise NotACall(f"{text} as {member.type_name}")

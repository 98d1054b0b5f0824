"""Holds each answer of an API against botocore's model: unknown members, missing ones, wrong types."""

import json

import botocore.model

TYPES = {
    "string": str, "boolean": bool, "integer": int, "long": int, "double": (int, float), "float": (int, float),
    "timestamp": (int, float), "list": list, "map": dict, "structure": dict,
}

# Members of this gateway, which clients ignore: why TestAuthorization decides as it does, for `cargo local can`.
OWN = {("AuthResult", "reason")}


def differences(shape, value, place):
    """How a value differs from a shape of the model."""
    if not isinstance(value, TYPES.get(shape.type_name, object)) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return [f"{place}: {type(value).__name__}; expected {shape.type_name}"]
    if isinstance(shape, botocore.model.StructureShape):
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        found = [f"{place}.{name}: not in the model" for name in value
            if name not in names and (shape.name, name) not in OWN]
        found += [f"{place}.{name}: missing" for name in shape.required_members if name not in value]
        return found + [each for name, member in names.items() if name in value
            for each in differences(member, value[name], f"{place}.{name}")]
    if isinstance(shape, botocore.model.ListShape):
        return [each for i, item in enumerate(value) for each in differences(shape.member, item, f"{place}[{i}]")]
    if isinstance(shape, botocore.model.MapShape):
        return [each for name, item in value.items() for each in differences(shape.value, item, f"{place}.{name}")]
    return []


class Watch:
    """Watches the answers of a client: the operations that succeeded, and the answers that the model does not have."""

    def __init__(self, client):
        self.succeeded, self.unexpected = set(), []
        self.model = client.meta.service_model
        client.meta.events.register("before-parse", self.parse)

    def parse(self, operation_model, response_dict, **_):
        name, status = operation_model.name, response_dict["status_code"]
        place = f"{name} {status}"
        if status == 200:
            self.succeeded.add(name)
            body = json.loads(response_dict["body"])
            shape = operation_model.output_shape
            self.unexpected += differences(shape, body, place) if shape else [f"{place}.{member}" for member in body]
            return
        kind = response_dict["headers"].get("x-amzn-ErrorType")
        shapes = {shape.name: shape for shape in operation_model.error_shapes}
        if status != 501 and kind not in shapes:
            self.unexpected.append(f"{place}: {kind}; the model has {sorted(shapes)}")
        elif kind in shapes and shapes[kind].metadata["error"]["httpStatusCode"] != status:
            self.unexpected.append(f"{place}: {kind}")

"""What the CDK constructs make of parameters, and each copy of it that lacks one member."""

import copy
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "cdk"))
import synth
from synthesised import SynthesisedStack

CONSTRUCTS = {path: construct for construct, path in synth.TEMPLATES.items()}


def synthesised(path, template, deployments):
    """The resources of each deployment of a template's construct, by its name, with all functions evaluated."""
    found = synth.synthesise(deployments, CONSTRUCTS[path])
    return {name: SynthesisedStack(template, found[name], given).resources for name, given in deployments.items()}


def members(node, path=()):
    """The path of each member, and of each item of a list."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from members(value, (*path, key))


def copies_without_one(resources):
    """Pairs of a path and a copy of the resources without the property there."""
    for name, resource in resources.items():
        for path in members(resource["Properties"]):
            broken = copy.copy(resources)
            broken[name] = copy.deepcopy(resource)
            node = broken[name]["Properties"]
            for step in path[:-1]:
                node = node[step]
            del node[path[-1]]
            yield (name, *path), broken

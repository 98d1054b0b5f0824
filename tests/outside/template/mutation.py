"""A change of a template, which one of the checks has to find."""

REMOVED = object()


def replaced(old, new):
    """A change of a text: `old` replaced by `new`."""
    return lambda found: found.replace(old, new)


def apply(template, path, change):
    *parents, last = path
    node = template
    for step in parents:
        node = node[step]
    if change is REMOVED:
        del node[last]
    else:
        node[last] = change(node[last]) if callable(change) else change

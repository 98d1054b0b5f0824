"""docs/deploy.md and docs/logs.md against the template and the line."""


def judged(template):
    return []

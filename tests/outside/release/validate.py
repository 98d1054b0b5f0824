"""Validates files by CycloneDX's strict JSON schema. Runs in release-venv.

validate.py VERSION FILE…
"""

import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.from_version(sys.argv[1]))
invalid = 0
for name in sys.argv[2:]:
    if error := validator.validate_str(pathlib.Path(name).read_text()):
        print(f"{name}: {str(error)[:500]}")
        invalid += 1
sys.exit(bool(invalid))

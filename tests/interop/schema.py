"""The published JSON Schema, by another's validator, takes the example and refuses what is wrong:
`schema.py CONFIG_DIRECTORY`."""

import copy
import json
import pathlib
import sys

SKIPPED = 77

try:
    import jsonschema
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(SKIPPED)


def without_comments(text):
    """JSON with // and /* */ comments -> JSON; what stands in strings is left alone."""
    kept, i = [], 0
    while i < len(text):
        if text[i] == '"':
            end = i + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            kept.append(text[i:end + 1])
            i = end + 1
        elif text.startswith("//", i):
            i = text.find("\n", i) if "\n" in text[i:] else len(text)
        elif text.startswith("/*", i):
            i = text.index("*/", i) + 2
        else:
            kept.append(text[i])
            i += 1
    return "".join(kept)


directory = pathlib.Path(sys.argv[1])
schema = json.loads((directory / "grantd.schema.json").read_text())
example = json.loads(without_comments((directory / "grantd.example.json").read_text()))

validator_class = jsonschema.validators.validator_for(schema)
validator_class.check_schema(schema)
validator = validator_class(schema)
validator.validate(example)


def broken(change):
    document = copy.deepcopy(example)
    change(document)
    return document


for name, change in {
    "an unknown key": lambda d: d.update(unknown=1),
    "an unknown nested key": lambda d: d["tokens"].update(unknown=1),
    "a number for a duration": lambda d: d["tokens"].update(lifetime=300),
    "a duration without unit": lambda d: d["tokens"].update(lifetime="300"),
    "a port beyond 65535": lambda d: d["listen"].update(port=70000),
    "no issuer": lambda d: d.pop("issuer"),
}.items():
    if validator.is_valid(broken(change)):
        sys.exit(f"failed: the schema takes {name}")

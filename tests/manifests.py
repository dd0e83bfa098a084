"""Whether a manifest is what its published schema says, and has no key that the schema does not know."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parents[1] / "processing" / "schemas" / "manifest-1.json"


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(_strict(schema))


def _strict(part: Any) -> Any:
    """The schema without room for keys that it does not name."""
    if isinstance(part, list):
        return [_strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    told = {key: _strict(value) for key, value in part.items()}
    return {**told, "additionalProperties": False} if part.get("type") == "object" and "properties" in part else told


def read(path: Path) -> dict[str, Any]:
    """A manifest of a finished recording.

    Raises:
        ValidationError: it is not what the schema says.
    """
    return checked(json.loads(path.read_text()))


def checked(document: dict[str, Any]) -> dict[str, Any]:
    """The manifest itself, if it is what the schema says.

    Raises:
        ValidationError: it is not.
    """
    _validator().validate(document)
    return document

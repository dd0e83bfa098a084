"""What is not ours to copy: RFC 7865's schema, and bodies that real products have sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import xmlschema

SCHEMA = "rs-metadata-rfc7865.xsd"
BESIDE = Path(__file__).resolve().parents[3]


def folder() -> Path:
    """The folder that SIPREC_SCHEMA names, or one beside the checkout; a test that needs it is skipped without."""
    return at_hand() or pytest.skip(f"there is no {SCHEMA}: SIPREC_SCHEMA names the folder that has it")


def at_hand() -> Path | None:
    """The same folder, or None."""
    named = os.environ.get("SIPREC_SCHEMA")
    found = sorted(Path(named).glob(SCHEMA) if named else BESIDE.glob(f"[!.]*/*/*/{SCHEMA}"))
    return found[0].parent if found else None


def schema() -> xmlschema.XMLSchema | None:
    """The schema, where it is at hand."""
    place = at_hand()
    return None if place is None else xmlschema.XMLSchema(str(place / SCHEMA), allow="local")


def bodies() -> list[bytes]:
    """Bodies of first INVITEs, one a file."""
    found = [path.read_bytes() for path in sorted(folder().glob("*-body.txt"))]
    return found or pytest.skip("the folder has no *-body.txt")

"""What the steps have made, read from their facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ledger.tables import Json
from processing.step import Facts

AllFacts = Mapping[str, Facts]

MANIFEST = "manifest"


def finished(facts: AllFacts) -> dict[str, dict[str, Any]]:
    """The files that are stored, by kind, with ``path`` (below the work folder), ``bytes`` and ``sha256``: those that
    were encrypted, else those that were composed."""
    source = facts["encrypt"] if "encrypt" in facts else facts["compose"]
    return cast(dict[str, dict[str, Any]], source["files"])


def result(facts: AllFacts, reasons: list[str]) -> dict[str, Json]:
    """What the ledger keeps of a recording: ``store`` and, for each kind, the name below it.

    Args:
        reasons: why it is incomplete.
    """
    composed = cast(dict[str, Any], facts["compose"])
    stored = cast(dict[str, Any], facts["store"])
    # A job that was begun before there were recording servers has no word of them.
    anything = composed["files"] or facts["verify"].get("sent")
    return {
        "store": stored["store"],
        "files": {kind: one["name"] for kind, one in stored["files"].items()},
        "key": facts["encrypt"]["key"] if "encrypt" in facts else None,
        "seconds": round(composed["stopTime"] - composed["startTime"], 3) if anything else 0.0,
        "bytes": sum(one["bytes"] for kind, one in stored["files"].items() if kind != MANIFEST),
        "reasons": [*reasons],
    }


def forgotten(facts: AllFacts) -> dict[str, Facts]:
    """The facts without the manifest's text: it is in the store, and the ledger keeps no second one, which would be
    readable where that one is encrypted."""
    described = {key: value for key, value in facts[MANIFEST].items() if key != "document"}
    return {**facts, MANIFEST: described}

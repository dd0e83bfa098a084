"""Whether a recording lacks a file that the switch said it had: somebody has to look, and nothing is deleted. Pure."""

from __future__ import annotations

from typing import Any, cast

from faults import MediaFault, TrackMissing, WavInvalid
from processing.made import AllFacts


def fault(facts: AllFacts) -> MediaFault | None:
    """What is wrong with the recorded files, if something is: one is not there, cannot be read, or was cut."""
    files = cast(list[dict[str, Any]], facts["verify"]["files"])
    absent = [file["path"] for file in files if file.get("absent")]
    broken = [file for file in files if file["defect"] and not file.get("absent")
              and (file["samples"] is None or file.get("cut"))]
    if absent:
        return TrackMissing("What the switch recorded is not there: " + ", ".join(dict.fromkeys(absent)) + ".",
                            files=absent)
    if broken:
        said = {file["path"]: file["defect"].rstrip(".") for file in broken}
        return WavInvalid("; ".join(f"{path}: {defect}" for path, defect in said.items()) + ".", files=list(said))
    return None

"""What the demo prints and leaves: a table, and .demo/report.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo.calls import Planned

Row = dict[str, Any]


def row(planned: Planned, call: Row) -> Row:
    """One call's entry in report.json; paths are None where nothing was recorded."""
    recording = next((one for one in call["recordings"] if one["state"] != "empty"), None)
    files = recording if recording is not None else {}
    return {
        "caller": planned.caller,
        "callee": planned.callee,
        "direction": call["direction"],
        "recorded": recording is not None,
        "rule": call["rule"],
        "reason": call["reason"] if call["outcome"] in ("unanswered", "missed") else call["decision"],
        "recording_id": recording["id"] if recording is not None else None,
        "state": recording["state"] if recording is not None else None,
        "mixed": files.get("mixed"),
        "stereo": files.get("stereo"),
        "manifest": files.get("manifest"),
        "seconds": recording["seconds"] if recording is not None else None,
    }


def table(plan: list[Planned], rows: list[Row], root: Path) -> str:
    """The rows for a person: the call, the decision, the rule, the files, the length in seconds."""
    lines = [("call", "decision", "rule", "seconds", "files")]
    for planned, one in zip(plan, rows, strict=True):
        files = [Path(path).relative_to(root).as_posix() for path in (one["mixed"], one["stereo"]) if path]
        decision = f"recorded ({one['state']})" if one["recorded"] else "not recorded"
        seconds = f"{one['seconds']:.1f}" if one["seconds"] is not None else "-"
        lines.append((planned.title, decision, one["rule"], seconds, files[0] if files else one["reason"]))
        lines += [("", "", "", "", file) for file in files[1:]]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]])
                     for line in lines)

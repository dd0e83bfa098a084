"""What the demo prints and leaves: a table, and a report.json."""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demo.calls import Planned
from tests.hearing import whose_audio
from tests.sounds import Sound

Row = dict[str, Any]


KEPT_OUT = "The card number is in none of the menu's files; what was said before and after it is."

_THERE = 0.5
"""The likeness that says that words are there. Other words of the same voice have up to 0.25."""


def progress() -> Callable[[str], None]:
    """Prints lines for whoever waits, with the seconds since now."""
    begun = time.monotonic()
    return lambda text: print(f"[{time.monotonic() - begun:5.1f} s] {text}", flush=True)


def find(rows: list[Row], identity: str) -> Row:
    """The row of the call with that SIP Call-ID, or of the conference that it became part of."""
    call = next(row for row in rows if row["sip_call_id"] == identity)
    return next((row for row in rows if row["id"] == call["merged_into"]), call)


def card(entry: Row, spoken: Mapping[str, Sound]) -> str:
    """What became of the card number: ``KEPT_OUT``, or what is wrong."""
    for name in ("mixed", "stereo"):
        with wave.open(entry[name], "rb") as file:
            frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
            heard = frames.reshape(-1, file.getnchannels())[:, 0]
        pieces = {piece: spoken[f"card {piece}"].samples for piece in ("before", "number", "after")}
        found = whose_audio(heard, pieces, least=_THERE)
        if set(found) != {"before", "after"}:
            return f"In {entry[name]} stands: {', '.join(sorted(found)) or 'nothing'}."
    if len(json.loads(Path(entry["manifest"]).read_text())["pauses"]) != 1:
        return f"The pause is not in {entry['manifest']}."
    return KEPT_OUT


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
    return columns(lines)


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, each column but the last as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]])
                     for line in lines)

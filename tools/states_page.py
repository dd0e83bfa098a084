"""`python -m tools.states_page`: docs/states.md from the tables in recorder/states.py."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from recorder import states

PAGE = Path(__file__).resolve().parent.parent / "docs" / "states.md"

_HEAD = """# States

Made by `python -m tools.states_page` from the tables in `recorder/states.py`; edit those. Steps that change nothing are
not drawn: they are what may come twice or late. A step that a table does not list raises `TransitionForbidden`.
"""
_TABLES: tuple[tuple[str, type[StrEnum], Mapping[Any, Any]], ...] = (
    ("Call", states.CallState, states.CALL),
    ("Segment", states.SegmentState, states.SEGMENT),
    ("Announcement", states.PlaybackState, states.PLAYBACK),
    ("Pause", states.PauseState, states.PAUSE),
    ("Recording", states.RecordingState, states.RECORDING),
)


def page() -> str:
    """The whole page: for each machine what its states mean, and the diagram."""
    parts = [_HEAD]
    for title, kind, table in _TABLES:
        parts.append(f"## {title}\n{inspect.getdoc(kind)}\n\n```mermaid\n{states.diagram(table)}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())

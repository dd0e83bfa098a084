"""What the rooms of this app ask of a connection."""

from __future__ import annotations

from typing import Protocol

from esl_app.lines import Word


class Operations(Protocol):
    """Commands to one FreeSWITCH. They raise ``faults.SwitchFault``."""

    async def api(self, name: str, *words: Word) -> str:
        """A command that is quickly done; what it printed."""

    async def job(self, name: str, *words: Word) -> str:
        """A command that may take its time, beside all others; what it printed."""

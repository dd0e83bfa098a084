"""What became of each recorded call, and when: read from the ledger's file, beside the running service, so that asking
costs the service nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Journey", "Unfinished", "finished", "read"]

FINAL = ("ready", "incomplete", "failed", "empty")
_POLL_SECONDS = 0.2

_READ = """
SELECT recordings.id, recordings.state, calls.answered, calls.ended, MIN(segments.started),
    (SELECT MAX(at) FROM recording_states WHERE recording = recordings.id AND state = recordings.state)
FROM recordings JOIN calls ON calls.id = recordings.call JOIN segments ON segments.recording = recordings.id
GROUP BY recordings.id ORDER BY recordings.created
"""
_COUNT = f"SELECT COUNT(*) FROM recordings WHERE state IN ({', '.join('?' * len(FINAL))})"


class Unfinished(Exception):
    """Recordings did not come to their final states in time."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One recording. Times in seconds since the epoch: ``answered``, ``started`` (of its first track) and ``ended`` as
    the switch's events tell them, ``final`` by our clock, which is the same machine's."""

    recording: str
    state: str
    answered: float
    ended: float
    started: float
    final: float

    @property
    def to_recording(self) -> float:
        """Answer to the first RecordingStarted, in seconds."""
        return self.started - self.answered

    @property
    def to_ready(self) -> float:
        """Hangup to the final state, in seconds."""
        return self.final - self.ended


def _opened(ledger: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True))


def read(ledger: Path, *, skip: int = 0) -> list[Journey]:
    """The finished recordings, oldest first, without the first ``skip`` of all."""
    with _opened(ledger) as connection:
        rows = connection.execute(_READ).fetchall()
    return [Journey(*row) for row in rows[skip:] if row[1] in FINAL and None not in row]


def count(ledger: Path) -> int:
    """How many recordings have come to an end."""
    with _opened(ledger) as connection:
        return int(connection.execute(_COUNT, FINAL).fetchone()[0])


async def finished(ledger: Path, number: int, *, within: float) -> None:
    """Wait until so many recordings have their final state.

    Raises:
        Unfinished: they have not ``within`` so many seconds.
    """
    give_up = time.monotonic() + within
    while (done := count(ledger)) < number:
        if time.monotonic() > give_up:
            raise Unfinished(f"{done} of {number} recordings are finished after {within:g} s")
        # Another process's file has no event to await.
        await asyncio.sleep(_POLL_SECONDS)


def states(journeys: Sequence[Journey]) -> str:
    """How many are in which state: ``50 ready``."""
    return ", ".join(f"{number} {state}" for state in FINAL
                     if (number := sum(journey.state == state for journey in journeys)))

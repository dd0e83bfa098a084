"""What Asterisk had kept for us about taps of an earlier life, of which this one knows nothing yet. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ari_app.names import files, parse
from recorder.events import TapDown
from recorder.model import Direction


class Kept:
    """Collects the begins and ends of recordings until the snapshot: only together do they tell how many files a tap
    had. What still records is in the snapshot.

    Args:
        switch: the switch's name, for the events.
    """

    def __init__(self, switch: str) -> None:
        self._switch = switch
        self._started: dict[str, dict[Direction, float]] = {}
        self._ended: dict[str, dict[Direction, float]] = {}
        self._causes: dict[str, str] = {}

    def started(self, name: str, at: float) -> None:
        """RecordingStarted."""
        found = parse(name)
        if found is not None:
            self._started.setdefault(found[0], {}).setdefault(found[1], at)

    def ended(self, name: str, at: float, cause: str) -> None:
        """RecordingFinished or RecordingFailed."""
        found = parse(name)
        if found is not None:
            self._ended.setdefault(found[0], {}).setdefault(found[1], at)
            self._causes.setdefault(found[0], cause)

    def take(self, sequence: Callable[[], int]) -> list[TapDown]:
        """The taps that ended, once."""
        told = []
        for segment, ended in self._ended.items():
            started = self._started.get(segment, {})
            told.append(TapDown(
                switch=self._switch, at=max(ended.values()), sequence=sequence(), segment=segment,
                cause=self._causes[segment], started=min(started.values(), default=None), ended=max(ended.values()),
                files=files(segment, tuple(sorted({*started, *ended})))))
        for memory in (self._started, self._ended, self._causes):
            memory.clear()
        return told

"""Deadlines of calls, by name, on the clock that the engine is given."""

from __future__ import annotations


class Timers:
    """A set of deadlines: (call, name) -> when, in seconds of the caller's monotonic clock."""

    def __init__(self) -> None:
        self._due: dict[tuple[str, str], float] = {}

    def start(self, call: str, name: str, when: float) -> None:
        """Set a deadline unless it is set already."""
        self._due.setdefault((call, name), when)

    def stop(self, call: str, name: str) -> None:
        """Forget a deadline."""
        self._due.pop((call, name), None)

    def stop_all(self, call: str) -> None:
        """Forget every deadline of a call."""
        for key in [key for key in self._due if key[0] == call]:
            del self._due[key]

    def running(self, call: str, name: str) -> bool:
        """Whether that deadline is set."""
        return (call, name) in self._due

    def due(self, now: float) -> list[tuple[str, str]]:
        """Take out the deadlines that have come, earliest first."""
        come = sorted((when, key) for key, when in self._due.items() if when <= now)
        for _, key in come:
            del self._due[key]
        return [key for _, key in come]

    def next(self) -> float | None:
        """The earliest deadline, or None."""
        return min(self._due.values(), default=None)

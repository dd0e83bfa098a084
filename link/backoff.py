"""How long to wait before a connection is tried again."""

from __future__ import annotations

from random import Random


class Backoff:
    """How long to wait before the next attempt: twice as long each time, with jitter.

    Args:
        random: draws the jitter: a wait is between half and all of its length.
        first: the first wait, in seconds.
        longest: no wait is longer, in seconds. A connection that lasted as long starts again with the first.
    """

    def __init__(self, random: Random, *, first: float = 0.25, longest: float = 15.0) -> None:
        self._random = random
        self._first = first
        self._longest = longest
        self._next = first

    def wait(self, lasted: float) -> float:
        """Seconds to wait after a connection that lasted so many seconds; 0 for one that did not come about."""
        if lasted >= self._longest:
            self._next = self._first
        wait, self._next = self._next, min(self._longest, self._next * 2)
        return self._random.uniform(wait / 2, wait)

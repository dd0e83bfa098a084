"""The two clocks of a process, and waiting on them. docs/time.md says which is used for what."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the driver needs of time; the tests' own clock stands still until it is moved."""

    def now(self) -> float:
        """Seconds on a monotonic clock: deadlines are counted on it."""

    def at(self) -> float:
        """Seconds since the Unix epoch (UTC): what is written down."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return once the event is set, or after so many seconds; None waits for the event alone."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def at(self) -> float:
        """Seconds of CLOCK_REALTIME."""
        return time.time()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """As :meth:`Clock.wait`."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return

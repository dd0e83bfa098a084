"""Calls before paper: while a dialplan waits for its decision, rows, journals and logs wait for the dialplan.

Python runs one thread at a time. What the ledger's and the journals' threads do in those milliseconds, the call would
pay for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from service.clock import Clock

_LONGEST = 0.02
"""Seconds: a tap waits for its row, so the row does not wait for long."""


class Precedence:
    """Who is let pass."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passing = 0
        self._free = asyncio.Event()
        self._free.set()

    def first(self, command: Coroutine[None, None, None]) -> Coroutine[None, None, None]:
        """The same command; from now on, until it is done, others give way."""
        self._passing += 1
        self._free.clear()

        async def whole() -> None:
            try:
                await command
            finally:
                self._passing -= 1
                if not self._passing:
                    self._free.set()

        return whole()

    async def give_way(self) -> None:
        """Return when nobody passes, or after 20 ms."""
        if self._passing:
            await self._clock.wait(self._free, _LONGEST)

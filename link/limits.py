"""How fast operations reach the switch: one at a time for each call, so many a second, so many at once.

Users report that Asterisk locks up when operations on one call overlap and come fast; so they are lined up, call by
call. An urgent operation (a detach) overtakes all of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from faults import SwitchOperationFailed

T = TypeVar("T")


class Bucket:
    """A token bucket. Pure: whoever asks says what time it is.

    Args:
        rate: tokens that come in a second.
        burst: tokens that it holds.
        now: seconds of a monotonic clock.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._last = now

    def take(self, now: float) -> float:
        """Take a token, also one that is still to come.

        Returns:
            Seconds until it is there.
        """
        self._tokens = min(self._burst, self._tokens + (now - self._last) * self._rate) - 1
        self._last = now
        return max(0.0, -self._tokens / self._rate)

    def give_back(self) -> None:
        """Return a token that was not used."""
        self._tokens = min(self._burst, self._tokens + 1)


@dataclass(slots=True)
class _Lane:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Limits:
    """Runs operations within bounds, first come, first served.

    Args:
        per_second: operations that begin in a second, on average.
        burst: operations that may begin at once after a quiet time.
        at_once: operations that run at the same time.
        waiting: operations that may wait; one more is refused, so that no queue grows without bound.
        clock: seconds of a monotonic clock.
        sleep: waits so many seconds.
    """

    def __init__(self, *, per_second: float, burst: int, at_once: int, waiting: int, clock: Callable[[], float],
                 sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._bucket = Bucket(per_second, burst, clock())
        self._running = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._clock = clock
        self._sleep = sleep
        self._lanes: dict[str, _Lane] = {}
        self._waiting = 0

    @property
    def lanes(self) -> int:
        """Calls that have an operation running or waiting."""
        return len(self._lanes)

    @property
    def waiting(self) -> int:
        """Operations that wait."""
        return self._waiting

    async def run(self, lane: str, operation: Callable[[], Awaitable[T]], *, urgent: bool = False) -> T:
        """Run an operation when it is its turn.

        Args:
            lane: the call: its operations run one after the other.
            operation: all that has to happen together; the pair of a tap's records is one operation.
            urgent: run it now, beside whatever runs or waits.

        Raises:
            SwitchOperationFailed: too many wait already.
        """
        if urgent:
            return await operation()
        if self._waiting >= self._most_waiting:
            raise SwitchOperationFailed("Too many operations wait for the switch.", waiting=self._waiting)
        async with self._turn(lane):
            return await operation()

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[None]:
        lane = self._lanes.setdefault(name, _Lane())
        lane.users += 1
        self._waiting += 1
        waits = True
        try:
            async with lane.lock:
                await self._token()
                async with self._running:
                    self._waiting -= 1
                    waits = False
                    yield
        finally:
            self._waiting -= waits
            lane.users -= 1
            if not lane.users:
                del self._lanes[name]

    async def _token(self) -> None:
        wait = self._bucket.take(self._clock())
        if wait <= 0:
            return
        try:
            await self._sleep(wait)
        except asyncio.CancelledError:
            self._bucket.give_back()
            raise

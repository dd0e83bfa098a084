"""What the tests of both lasting connections need: who listens, waits that take no time, a run that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from faults import SwitchFault

__all__ = ["Notes", "Sleeps", "running"]


class Notes:
    """The half of a listener that is the same for both switches: notes what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.story: list[str] = []
        """``connected``, ``up``, what events are about, ids of faults: in order."""
        self.gate = asyncio.Event()
        """Shut, each event takes until it is opened."""
        self.gate.set()
        self.failing: list[Exception] = []
        """Raised by the next snapshots, one each."""
        self._changed = asyncio.Event()

    async def connected(self) -> None:
        self._note("connected")
        if self.failing:
            raise self.failing.pop(0)

    def told(self, fault: SwitchFault | None) -> None:
        self._note("up" if fault is None else fault.id)

    async def until(self, word: str, times: int = 1) -> None:
        while self.story.count(word) < times:
            self._changed.clear()
            await self._changed.wait()

    async def heard(self, name: str) -> None:
        """An event has come."""
        self._note(name)
        await self.gate.wait()

    def _note(self, word: str) -> None:
        self.story.append(word)
        self._changed.set()


class Sleeps:
    """Waits that take no time, as many as allowed; the next one lasts until `wake`."""

    def __init__(self, allowed: int = 1000) -> None:
        self.asked: list[float] = []
        self._allowed = allowed
        self._changed = asyncio.Condition()
        self._woken = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        async with self._changed:
            self.asked.append(seconds)
            self._changed.notify_all()
        if len(self.asked) > self._allowed:
            await self._woken.wait()

    async def until(self, times: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.asked) >= times)

    def wake(self) -> None:
        self._woken.set()


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Work that goes on as long as the context."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

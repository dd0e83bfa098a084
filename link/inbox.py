"""Events between the task that reads a connection and the one that acts on them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from faults import SwitchOverflowed

T = TypeVar("T")


class Inbox(Generic[T]):
    """Events in the order of their arrival, for one reader.

    Args:
        most: that may wait; with one more, all of them are dropped.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: deque[T] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, event: T) -> None:
        """Add an event.

        Raises:
            SwitchOverflowed: it was one too many; now there is none.
        """
        if len(self._events) >= self._most:
            self._events.clear()
            raise SwitchOverflowed("More events waited than we keep; the calls are read again.", events=self._most)
        self._events.append(event)
        self._changed.set()

    def close(self) -> None:
        """Nothing will be added."""
        self._closed = True
        self._changed.set()

    async def next(self) -> T | None:
        """The next event, or None when there will be no other."""
        while not self._events:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()

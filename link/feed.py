"""What an app tells the recorder of its switch, in order, and the small works that it begins on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine

from recorder.events import CallEvent


class Feed:
    """The events of one switch, and whatever runs for as long as they are read."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[CallEvent] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sequence = 0

    def next(self) -> int:
        """The number of the next event: it grows with each."""
        self._sequence += 1
        return self._sequence

    def put(self, event: CallEvent) -> None:
        """Tell an event."""
        self._events.put_nowait(event)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Begin a work that nobody waits for; it ends with the feed at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def events(self, connection: Coroutine[None, None, None]) -> AsyncGenerator[CallEvent, None]:
        """All events, until cancelled, while the connection runs; what that raises ends them."""
        running = asyncio.create_task(connection)
        event = asyncio.ensure_future(self._events.get())
        try:
            while True:
                await asyncio.wait({event, running}, return_when=asyncio.FIRST_COMPLETED)
                if not event.done():
                    await running
                yield event.result()
                # What came with it goes with it: a leg, and that it waits, are two events of one moment.
                while not self._events.empty():
                    yield self._events.get_nowait()
                event = asyncio.ensure_future(self._events.get())
        finally:
            tasks = (running, event, *self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

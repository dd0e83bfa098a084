"""Whoever asked for something waits here for the engine's Reply."""

from __future__ import annotations

import asyncio

from faults import PauseUnconfirmed
from recorder.effects import Reply


class Waiters:
    """Open questions, by request id."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Future[Reply]] = {}

    def expect(self, request: str) -> asyncio.Future[Reply]:
        """Begin to wait; called before the question is put."""
        self._open[request] = asyncio.get_running_loop().create_future()
        return self._open[request]

    def answer(self, reply: Reply) -> bool:
        """Hand the answer over; whether somebody had asked here."""
        waiting = self._open.pop(reply.request, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        return waiting is not None

    async def reply(self, request: str, within: float) -> Reply:
        """The answer to a question that :meth:`expect` announced.

        Args:
            within: how long to wait for it, in seconds.

        Raises:
            PauseUnconfirmed: no answer came in time.
        """
        try:
            async with asyncio.timeout(within):
                return await self._open[request]
        except TimeoutError as error:
            raise PauseUnconfirmed("No answer came in time; ask for the call's state.", request=request) from error
        finally:
            self._open.pop(request, None)

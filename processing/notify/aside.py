"""A thread with an event loop of its own, so that whatever hangs there (a receiver, a look-up of its name, a disk)
holds up nothing elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

GRACE_S = 5.0
"""How long the thread may take to end once it is asked to; then it is left to the end of the process."""
_LOOKUPS = 64


class Loop(asyncio.SelectorEventLoop):
    """An event loop that looks names up in threads that nobody waits for.

    Python's own does it in the few threads that everything else needs too, and a look-up cannot be broken off: with a
    name server that does not answer they are soon all taken, and even the process does not end before they do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lookups = 0

    async def getaddrinfo(self, host: Any, port: Any, *, family: int = 0, type: int = 0,
                          proto: int = 0, flags: int = 0) -> Any:
        """As ``socket.getaddrinfo``.

        Raises:
            OSError: the name is not known, or too many look-ups are under way.
        """
        if self._lookups >= _LOOKUPS:
            raise OSError("too many names are being looked up: the name server does not answer")
        answer: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            try:
                found = socket.getaddrinfo(host, port, family, type, proto, flags)
            except OSError as error:
                self._tell(answer, error)
            else:
                self._tell(answer, found)

        self._lookups += 1
        threading.Thread(target=work, name="lookup", daemon=True).start()
        return await answer

    def _tell(self, answer: asyncio.Future[Any], found: Any) -> None:
        def settle() -> None:
            self._lookups -= 1
            if answer.done():
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            self.call_soon_threadsafe(settle)


async def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in a thread and a loop of its own, and wait for its end. Cancelled, it is cancelled there, and gets
    ``GRACE_S`` seconds to end.

    Raises:
        Exception: whatever it raised.
    """
    here = asyncio.get_running_loop()
    ended: asyncio.Future[None] = here.create_future()
    inner: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    stopped = threading.Event()

    async def whole() -> None:
        task = asyncio.current_task()
        assert task is not None
        inner.append((asyncio.get_running_loop(), task))
        if not stopped.is_set():
            await work()

    def thread() -> None:
        failure: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=Loop) as runner:
                runner.run(whole())
        except BaseException as error:  # noqa: BLE001 - it is raised where the thread was started
            failure = error
        with contextlib.suppress(RuntimeError):
            here.call_soon_threadsafe(_settle, ended, failure)

    threading.Thread(target=thread, name="notices", daemon=True).start()
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        stopped.set()
        for loop, task in inner:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GRACE_S):
                await asyncio.shield(ended)
        raise


def _settle(ended: asyncio.Future[None], failure: BaseException | None) -> None:
    if ended.done():
        return
    if failure is None or isinstance(failure, asyncio.CancelledError):
        ended.set_result(None)
    else:
        ended.set_exception(failure)

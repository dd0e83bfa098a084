"""What hangs in the thread of the notices holds up nothing elsewhere, and not even its own loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from processing.notify import aside


class DeadNameServer:
    """Look-ups of names under ``.invalid`` hang until the test is over."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.all_asked = threading.Event()
        self.over = threading.Event()
        self._real = socket.getaddrinfo

    def __call__(self, host: Any, *more: Any, **given: Any) -> Any:
        if isinstance(host, str) and host.endswith(".invalid"):
            self.asked.append(host)
            if len(self.asked) == 50:
                self.all_asked.set()
            self.over.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")
        return self._real(host, *more, **given)


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadNameServer]:
    server = DeadNameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server)
    yield server
    server.over.set()


async def test_look_ups_that_hang_take_no_thread_that_anybody_else_needs(dead: DeadNameServer) -> None:
    seen: list[str] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        hanging = [asyncio.create_task(loop.getaddrinfo(f"host-{number}.invalid", 80)) for number in range(50)]
        assert await asyncio.to_thread(dead.all_asked.wait, 10)
        seen.append(await asyncio.to_thread(lambda: "a thread is free"))
        assert (await loop.getaddrinfo("localhost", 80))[0]
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    async with asyncio.timeout(20):
        await aside.run(work)
    assert seen == ["a thread is free"]


async def test_more_look_ups_than_a_dead_name_server_deserves_are_refused(dead: DeadNameServer) -> None:
    refused: list[str] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        hanging = [asyncio.create_task(loop.getaddrinfo(f"host-{number}.invalid", 80)) for number in range(70)]
        done, _ = await asyncio.wait(hanging, timeout=1)
        refused.extend(str(task.exception()) for task in done)
        for task in hanging:
            task.cancel()

    async with asyncio.timeout(20):
        await aside.run(work)
    assert len(refused) == 6


async def test_a_thread_that_is_busy_holds_up_nobody_and_ends_when_it_is_asked_to() -> None:
    began, ended = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(aside.run(work))
    assert await asyncio.to_thread(began.wait, 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ended.is_set()


async def test_one_that_is_cancelled_before_it_has_begun_does_not_begin() -> None:
    for _ in range(20):
        task = asyncio.create_task(aside.run(asyncio.Event().wait))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(task, return_exceptions=True)


async def test_a_thread_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "GRACE_S", 0.2)
    began, let = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        let.wait(20)  # it blocks its own loop

    task = asyncio.create_task(aside.run(work))
    assert await asyncio.to_thread(began.wait, 10)
    task.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(task, return_exceptions=True)
    let.set()


async def test_what_breaks_there_is_raised_here() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await aside.run(work)

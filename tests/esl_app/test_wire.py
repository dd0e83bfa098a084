"""One connection: answers in the order of the questions, jobs beside them, and nobody who waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest
import pytest_asyncio

from esl_app import lines
from esl_app.messages import Event
from esl_app.wire import Address, Wire, failed, open_wire
from faults import SwitchFault, SwitchOperationFailed, SwitchProtocolBroken, SwitchRefused, SwitchUnreachable
from tests.esl_app import wire as frames
from tests.esl_app.replay_server import PASSWORD, ReplayServer

LEG = "11111111-2222-3333-4444-555555555555"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ReplayServer]:
    async with ReplayServer({"echo": lambda command: command, "uuid_record": "+OK Success\n"}) as listening:
        yield listening


@asynccontextmanager
async def opened(server: ReplayServer, *, within: float = 30.0, take: Callable[[Event], None] = lambda _: None
                 ) -> AsyncIterator[tuple[Wire, asyncio.Task[None]]]:
    """A connection that has not logged in, and the task that reads it."""
    numbers = count(1)
    wire = await open_wire(Address(host="127.0.0.1", port=server.port, password=PASSWORD), take=take,
                           job_id=lambda: f"job-{next(numbers)}", within=within)
    reading = asyncio.create_task(wire.read())
    try:
        yield wire, reading
    finally:
        wire.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@asynccontextmanager
async def known(server: ReplayServer, *, within: float = 30.0, take: Callable[[Event], None] = lambda _: None
                ) -> AsyncIterator[Wire]:
    """A connection that has logged in and subscribed to the ends of jobs."""
    async with opened(server, within=within, take=take) as (wire, _):
        await wire.log_in(PASSWORD)
        await wire.command(lines.subscribe(["BACKGROUND_JOB", "CHANNEL_CREATE"]))
        yield wire


async def fault_of(work: Awaitable[object]) -> SwitchFault:
    """What a command ends with."""
    with pytest.raises(SwitchFault) as caught:
        await work
    return caught.value


async def test_each_answer_goes_to_who_asked_in_the_order_of_the_questions(server: ReplayServer) -> None:
    async with known(server) as wire:
        answers = await asyncio.gather(*(wire.api("echo", str(number)) for number in range(200)))
    assert answers == [f"echo {number}" for number in range(200)]


async def test_who_gives_up_does_not_leave_its_answer_to_the_next(server: ReplayServer) -> None:
    server.held["api echo first"] = asyncio.Event()
    async with known(server) as wire:
        first = asyncio.create_task(wire.api("echo", "first"))
        await server.said("api echo first")
        second = asyncio.create_task(wire.api("echo", "second"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        server.held["api echo first"].set()
        assert await second == "echo second"


async def test_short_commands_overtake_a_job(server: ReplayServer) -> None:
    server.held["bgapi uuid_record"] = asyncio.Event()
    async with known(server) as wire:
        job = asyncio.create_task(wire.job("uuid_record", LEG, "start", "/rec/a.wav"))
        await server.said(f"bgapi uuid_record {LEG} start /rec/a.wav")
        assert await wire.api("echo", "quick") == "echo quick"
        assert not job.done()
        server.held["bgapi uuid_record"].set()
        assert await job == "+OK Success\n"


async def test_jobs_end_in_any_order(server: ReplayServer) -> None:
    server.held["bgapi echo slow"] = asyncio.Event()
    async with known(server) as wire:
        slow = asyncio.create_task(wire.job("echo", "slow"))
        assert await wire.job("echo", "quick") == "echo quick"
        server.held["bgapi echo slow"].set()
        assert await slow == "echo slow"


async def test_only_the_ends_of_our_own_jobs_are_kept_from_the_taker(server: ReplayServer) -> None:
    taken: list[str] = []
    async with known(server, take=lambda event: taken.append(f"{event.name} {event.header('Job-UUID')}")) as wire:
        await wire.job("echo", "ours")
        await server.fire("BACKGROUND_JOB", {"Job-UUID": "somebody-else"}, "+OK\n")
        await server.fire("CHANNEL_CREATE", {"Job-UUID": "job-1"})
        await wire.api("echo", "all of it has come")
    assert taken == ["BACKGROUND_JOB somebody-else", "CHANNEL_CREATE job-1"]


async def test_a_job_that_takes_too_long_ends_for_who_asked_and_not_the_connection(server: ReplayServer) -> None:
    server.held["bgapi echo"] = asyncio.Event()
    async with known(server, within=0.5) as wire:
        fault = await fault_of(wire.job("echo", "late"))
        assert isinstance(fault, SwitchOperationFailed)
        server.held["bgapi echo"].set()
        assert await wire.api("echo", "on") == "echo on"


async def test_an_answer_that_does_not_come_gives_the_connection_up_for_all_who_wait(server: ReplayServer) -> None:
    server.held["api echo first"] = asyncio.Event()
    async with opened(server, within=0.5) as (wire, reading):
        await wire.log_in(PASSWORD)
        waiting = [asyncio.create_task(fault_of(wire.api("echo", word))) for word in ("first", "second")]
        assert [type(fault) for fault in await asyncio.gather(*waiting)] == [SwitchUnreachable, SwitchUnreachable]
        assert isinstance(await fault_of(reading), SwitchUnreachable)
        assert isinstance(await fault_of(wire.api("echo", "later")), SwitchUnreachable)


async def test_a_drop_fails_every_pending_command_and_job(server: ReplayServer) -> None:
    server.held |= {"bgapi echo": asyncio.Event(), "api status": asyncio.Event()}
    async with opened(server) as (wire, reading):
        await wire.log_in(PASSWORD)
        await wire.command(lines.subscribe(["BACKGROUND_JOB"]))
        waiting = [asyncio.create_task(fault_of(work)) for work in (
            wire.job("echo", "a"), wire.api("status"), wire.api("echo", "b"), wire.command(lines.command("noevents")))]
        await server.said("api status")
        server.drop()
        faults = await asyncio.gather(*waiting, fault_of(reading))
    assert [type(fault) for fault in faults] == [SwitchUnreachable] * 5


async def test_a_switch_that_says_goodbye_is_gone(server: ReplayServer) -> None:
    async with opened(server) as (wire, reading):
        await wire.log_in(PASSWORD)
        await server.bye()
        assert isinstance(await fault_of(reading), SwitchUnreachable)
        assert isinstance(await fault_of(wire.api("status")), SwitchUnreachable)


async def test_a_switch_that_lingers_may_still_answer(server: ReplayServer) -> None:
    notice = b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n"
    async with known(server) as wire:
        await server.write(notice)
        assert await wire.api("echo", "still") == "echo still"


async def test_a_wrong_password_is_refused(server: ReplayServer) -> None:
    async with opened(server) as (wire, _):
        assert isinstance(await fault_of(wire.log_in("wrong")), SwitchRefused)


async def test_an_access_list_that_does_not_know_us_is_a_refusal(server: ReplayServer) -> None:
    server.rude = True
    async with opened(server) as (wire, reading):
        assert isinstance(await fault_of(wire.log_in(PASSWORD)), SwitchRefused)
        assert isinstance(await fault_of(reading), SwitchRefused)
    assert server.commands == []


async def test_a_socket_that_never_greets_is_given_up(server: ReplayServer) -> None:
    server.held["auth/request"] = asyncio.Event()
    async with opened(server, within=0.2) as (wire, _):
        assert isinstance(await fault_of(wire.log_in(PASSWORD)), SwitchUnreachable)


async def test_a_password_that_would_be_a_second_line_is_not_sent(server: ReplayServer) -> None:
    async with opened(server) as (wire, _):
        assert isinstance(await fault_of(wire.log_in("x\n\napi status")), SwitchOperationFailed)
    assert server.commands == []


async def test_nobody_listens_there() -> None:
    async with ReplayServer() as server:
        port = server.port
    fault = await fault_of(open_wire(Address(host="127.0.0.1", port=port, password="secret"), take=lambda _: None,
                                     job_id=str))
    assert isinstance(fault, SwitchUnreachable)
    assert "secret" not in repr(fault.details)


@pytest.mark.parametrize("garbage", [b"no header\n\n", b"Content-Type: api/response\nContent-Length: x\n\n",
                                     frames.command_reply("+OK nobody asked"), b"HTTP/1.1 400 Bad Request\r\n\r\n\n\n"])
async def test_what_is_not_the_protocol_ends_the_connection(server: ReplayServer, garbage: bytes) -> None:
    async with opened(server) as (wire, reading):
        await wire.log_in(PASSWORD)
        await server.write(garbage)
        assert isinstance(await fault_of(reading), SwitchProtocolBroken)
        assert isinstance(await fault_of(wire.api("status")), SwitchProtocolBroken)


async def test_an_answer_of_the_other_kind_ends_the_connection(server: ReplayServer) -> None:
    server.held["api status"] = asyncio.Event()
    async with opened(server) as (wire, reading):
        await wire.log_in(PASSWORD)
        asked = asyncio.create_task(fault_of(wire.api("status")))
        await server.said("api status")
        await server.write(frames.command_reply("+OK not what was asked"))
        assert isinstance(await asked, SwitchProtocolBroken)
        assert isinstance(await fault_of(reading), SwitchFault)


async def test_what_the_taker_raises_ends_the_connection(server: ReplayServer) -> None:
    def overflows(event: Event) -> None:
        raise SwitchProtocolBroken(event.name)

    async with opened(server, take=overflows) as (wire, reading):
        await wire.log_in(PASSWORD)
        await wire.command(lines.subscribe(["CHANNEL_CREATE"]))
        await server.fire("CHANNEL_CREATE")
        assert isinstance(await fault_of(reading), SwitchProtocolBroken)
        assert isinstance(await fault_of(wire.api("status")), SwitchProtocolBroken)


async def test_a_word_that_cannot_be_sent_leaves_no_trace(server: ReplayServer) -> None:
    async with known(server) as wire:
        for work in (wire.api("echo", "a\nb"), wire.job("echo", "${system ls}")):
            assert isinstance(await fault_of(work), SwitchOperationFailed)
        assert await wire.api("echo", "next") == "echo next"
    assert server.lines[-1] == "api echo next"


async def test_questions_that_wait_have_a_bound(server: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esl_app.wire._MOST_WAITING", 3)
    server.held["api status"] = asyncio.Event()
    async with known(server) as wire:
        waiting = [asyncio.create_task(wire.api("status")) for _ in range(3)]
        await server.said("api status")
        assert isinstance(await fault_of(wire.api("status")), SwitchOperationFailed)
        server.held["api status"].set()
        await asyncio.gather(*waiting)
        await wire.api("status")


async def test_closing_tells_everybody_who_waits(server: ReplayServer) -> None:
    server.held["api status"] = asyncio.Event()
    async with known(server) as wire:
        asked = asyncio.create_task(fault_of(wire.api("status")))
        await server.said("api status")
        wire.close()
        assert isinstance(await asked, SwitchUnreachable)


@pytest.mark.parametrize(("answer", "no"), [
    ("-ERR Cannot record session!\n", True), ("-USAGE: <uuid>\n", True), ("INVALID COMMAND!\n", True),
    ("-ERR non-existant recording 'x'\n+OK Stopped recording 0 files\n", True),
    ("Stopped recording file x\n+OK Stopped recording 0 files\n", False), ("+OK Success\n", False), ("", False),
    ("true", False)])
def test_an_answer_that_says_no(answer: str, no: bool) -> None:
    assert failed(answer) is no

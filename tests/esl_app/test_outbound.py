"""Calls that wait for their decision over an outbound connection, and whoever else connects there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import ip_network

import pytest

from esl_app.outbound import Door, Outbound
from tests.esl_app.outbound_call import CHANNEL, DATA, OutboundCall, calling
from tests.servers import free_port

LONG = 30.0
SOON = 0.05


class Switch:
    """What the connections are about: the channels that there are, and the questions."""

    def __init__(self, *, patience: float = LONG, most: int = 100, door: type[Door] = Door) -> None:
        self.port = free_port(socket.SOCK_STREAM)
        self.channels = {CHANNEL}
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.slept: list[float] = []
        self.tried = asyncio.Event()
        self.outbound = Outbound(door("127.0.0.1", self.port), knows=lambda leg: leg in self.channels,
                                 asks=self.asked.put, patience=patience, most=most, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.tried.set()
        await asyncio.sleep(0)


@asynccontextmanager
async def listening(switch: Switch) -> AsyncIterator[Switch]:
    """It listens inside the block."""
    task = asyncio.create_task(switch.outbound.run())
    switch.outbound.begin()
    while not await _reachable(switch.port):  # noqa: ASYNC110 - nobody tells when a port is opened
        await asyncio.sleep(0)
    try:
        yield switch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _reachable(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True


async def test_a_call_waits_until_it_is_let_go_and_hears_nothing_but_connect() -> None:
    async with listening(Switch()) as switch, calling(switch.port, DATA) as call:
        assert await switch.asked.get() == CHANNEL
        going = asyncio.create_task(call.goes_on())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not going.done()
        switch.outbound.release(CHANNEL)
        assert await going == b""


async def test_the_answer_may_come_in_small_pieces() -> None:
    async with listening(Switch()) as switch, calling(switch.port) as call:
        assert await call.greeted() == b"connect\n\n"
        await call.says(DATA, piece=7)
        assert await switch.asked.get() == CHANNEL


async def test_the_decision_of_another_call_lets_nobody_go() -> None:
    async with listening(Switch()) as switch, calling(switch.port, DATA) as call:
        await switch.asked.get()
        switch.outbound.release("another")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON):
                await call.goes_on()


async def test_two_connections_about_one_channel_both_end_with_its_decision() -> None:
    async with listening(Switch()) as switch, calling(switch.port, DATA) as one, calling(switch.port, DATA) as other:
        for _ in range(2):
            await switch.asked.get()
        switch.outbound.release(CHANNEL)
        assert [await one.goes_on(), await other.goes_on()] == [b"", b""]


async def test_a_channel_that_is_not_known_yet_is_asked_about_once_it_is() -> None:
    switch = Switch()
    switch.channels.clear()
    async with listening(switch), calling(switch.port, DATA):
        switch.outbound.look()
        for _ in range(20):
            await asyncio.sleep(0)
        assert switch.asked.empty()
        switch.channels.add(CHANNEL)
        switch.outbound.look()
        assert await switch.asked.get() == CHANNEL


async def test_a_channel_that_the_switch_does_not_have_is_never_asked_about_and_does_not_wait_for_ever() -> None:
    switch = Switch(patience=SOON)
    switch.channels.clear()
    async with listening(switch), calling(switch.port, DATA) as call:
        assert await call.goes_on() == b""
        assert switch.asked.empty()


async def test_a_decision_that_does_not_come_lets_the_call_go_on_without() -> None:
    async with listening(Switch(patience=SOON)) as switch, calling(switch.port, DATA) as call:
        assert await call.goes_on() == b""


async def test_when_the_switch_is_lost_everybody_goes_on_and_nobody_is_let_in() -> None:
    async with listening(Switch()) as switch, calling(switch.port, DATA) as call:
        await switch.asked.get()
        switch.outbound.end()
        assert await call.goes_on() == b""
        async with calling(switch.port) as late:
            assert await late.goes_on() == b""


async def test_a_caller_who_hangs_up_is_nobodys_fault() -> None:
    async with listening(Switch()) as switch:
        async with calling(switch.port, DATA) as call:
            await switch.asked.get()
            call.hangs_up()
        switch.outbound.release(CHANNEL)
        await serves(switch)


MALFORMED = {
    "no-content-type": b"Unique-ID: " + CHANNEL.encode() + b"\n\n",
    "no-channel": b"Content-Type: command/reply\nReply-Text: +OK\n\n",
    "not-the-answer": b"Content-Type: auth/request\n\n",
    "an-event": DATA.replace(b"Content-Type: command/reply", b"Content-Type: text/event-plain"),
    "no-id": b"Event-Name: CHANNEL_DATA\nContent-Type: command/reply\n\n",
    "a-command-in-the-id": DATA.replace(CHANNEL.encode(), b"x%0A%0Aapi%20shutdown"),
    "another-language": bytes(range(256)) * 8 + b"\n\n",
    "a-body": b"Content-Type: command/reply\nContent-Length: 999999999\n\n",
    "a-length-that-is-none": b"Content-Type: command/reply\nContent-Length: -1\n\n",
    "too-long": DATA.removesuffix(b"\n\n") + b"\nX: " + b"x" * (1 << 19) + b"\n\n",
}


async def serves(switch: Switch) -> None:
    """It works as ever."""
    async with calling(switch.port, DATA) as call:
        assert await switch.asked.get() == CHANNEL
        switch.outbound.release(CHANNEL)
        assert await call.goes_on() == b""


@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_not_understood_is_closed_at_once_and_harms_nobody_else(said: bytes) -> None:
    async with listening(Switch()) as switch, calling(switch.port, DATA) as other:
        await switch.asked.get()
        async with calling(switch.port) as stranger:
            await stranger.greeted()
            with suppress(ConnectionError):  # closed before the end of it
                await stranger.says(said)
            assert await stranger.goes_on() == b""
        assert switch.asked.empty()
        await serves(switch)
        assert await other.goes_on() == b""


@pytest.mark.parametrize("said", [b"", DATA[:-1], b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
                         ids=["nothing", "half", "http"])
async def test_who_does_not_say_all_is_closed_after_a_while(said: bytes) -> None:
    async with listening(Switch(patience=SOON)) as switch, calling(switch.port) as stranger:
        await stranger.greeted()
        if said:
            await stranger.says(said)
        assert await stranger.goes_on() == b""
        assert switch.asked.empty()


async def test_who_connects_and_goes_without_a_word_is_nobodys_fault() -> None:
    async with listening(Switch()) as switch:
        async with calling(switch.port) as stranger:
            await stranger.greeted()
            stranger.hangs_up()
        await serves(switch)


class Closed(Door):
    """It lets nobody in."""

    def lets_in(self, peer: str) -> bool:
        return False


async def test_who_may_not_connect_is_not_greeted() -> None:
    async with listening(Switch(door=Closed)) as switch, calling(switch.port) as stranger:
        assert await stranger.goes_on() == b""
        assert switch.asked.empty()


async def test_one_more_than_may_wait_is_not_made_to_wait() -> None:
    async with listening(Switch(most=3)) as switch, AsyncExitStack() as calls:
        for _ in range(3):
            await calls.enter_async_context(calling(switch.port, DATA))
            await switch.asked.get()
        async with calling(switch.port) as late:
            assert await late.goes_on() == b""
        switch.outbound.release(CHANNEL)


async def test_whoever_sends_without_end_is_held_to_what_is_read_of_it() -> None:
    async with listening(Switch()) as switch, calling(switch.port, DATA) as call:
        await switch.asked.get()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON):
                await _flood(call)
        switch.outbound.release(CHANNEL)
        assert await call.goes_on() == b""


async def _flood(call: OutboundCall) -> None:
    """More than both kernels keep: it waits for who does not read."""
    await call.says(b"x" * (64 << 20), piece=1 << 16)


async def test_when_the_service_ends_nobody_is_left_waiting() -> None:
    switch = Switch()
    async with AsyncExitStack() as calls:
        async with listening(switch):
            call = await calls.enter_async_context(calling(switch.port, DATA))
            await switch.asked.get()
        assert await call.goes_on() == b""


async def test_an_address_that_is_taken_is_tried_again() -> None:
    switch = Switch()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", switch.port))
        taken.listen()
        task = asyncio.create_task(switch.outbound.run())
        switch.outbound.begin()
        await switch.tried.wait()
        assert set(switch.slept) == {5.0}
    while not await _reachable(switch.port):  # noqa: ASYNC110 - nobody tells when a port is opened
        await asyncio.sleep(0)
    await serves(switch)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_an_address_nobody_listens() -> None:
    await Outbound(None, knows=lambda _: True, asks=asyncio.Queue[str]().put).run()


@pytest.mark.parametrize(("peer", "may"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("192.0.2.7", True),
    ("::ffff:192.0.2.7", True), ("2001:db8::1", True), ("192.0.2.16", False), ("198.51.100.1", False),
    ("2001:db9::1", False), ("fe80::1%eth0", False), ("", False)])
def test_who_may_connect(peer: str, may: bool) -> None:
    door = Door("0.0.0.0", 8084, (ip_network("192.0.2.0/28"), ip_network("2001:db8::/64")))
    assert door.lets_in(peer) is may

"""Who answers FreeSWITCH's calls: only those that are expected, each once, and the same again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from esl_app.answerer import Answerer
from faults import SwitchOperationFailed
from recorder.ports import RtpAddress
from tests.esl_app.test_sip import said
from tests.sip import Message, media_of

TO = RtpAddress("127.0.0.1", 20_002)


class Asker(asyncio.DatagramProtocol):
    """FreeSWITCH's side: sends a request, and waits for what comes."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait(data)

    def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data)

    async def ask(self, data: bytes) -> Message:
        self.send(data)
        async with asyncio.timeout(10):
            return Message.parse(await self.came.get())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@pytest_asyncio.fixture
async def answerer() -> AsyncIterator[Answerer]:
    listening = Answerer()
    yield listening
    listening.close()


@pytest_asyncio.fixture
async def asker(answerer: Answerer) -> AsyncIterator[Asker]:
    host, _, port = (await answerer.open()).rpartition(":")
    _, asker = await asyncio.get_running_loop().create_datagram_endpoint(Asker, remote_addr=(host, int(port)))
    yield asker
    asker.close()


async def test_an_expected_call_is_told_where_to_send(answerer: Answerer, asker: Asker) -> None:
    number = answerer.expect(TO, "PCMA")
    response = await asker.ask(said(number=number))
    assert response.status == 200
    media = media_of(response.body)
    assert media is not None
    assert media.address == (TO.host, TO.port)
    assert "RTP/AVP 8\r\n" in response.body
    assert response.get("Contact") == f"<sip:{number}@{await answerer.open()}>"


async def test_a_request_that_comes_again_gets_the_same_answer(answerer: Answerer, asker: Asker) -> None:
    number = answerer.expect(TO, "PCMU")
    first = await asker.ask(said(number=number))
    assert await asker.ask(said(number=number)) == first


async def test_freeswitch_has_to_say_again_that_it_is_there(answerer: Answerer, asker: Asker) -> None:
    number = answerer.expect(TO, "PCMU")
    response = await asker.ask(said(number=number))
    assert (response.get("Session-Expires"), response.get("Require")) == ("90;refresher=uac", "timer")
    refreshed = await asker.ask(said("UPDATE", number=number, body=""))
    assert (refreshed.status, refreshed.body, refreshed.get("Session-Expires")) == (200, "", "90;refresher=uac")
    plain = await asker.ask(said(number=number, more=""))
    assert plain.all("Session-Expires") == []


async def test_a_number_is_good_for_one_call(answerer: Answerer, asker: Asker) -> None:
    number = answerer.expect(TO, "PCMU")
    await asker.ask(said(number=number))
    assert (await asker.ask(said(number=number, call_id="another"))).status == 403
    assert (await asker.ask(said("BYE", number=number, call_id="another", body=""))).status == 481


async def test_nobody_else_is_answered(answerer: Answerer, asker: Asker) -> None:
    assert (await asker.ask(said())).status == 404
    forgotten = answerer.expect(TO, "PCMU")
    answerer.forget(forgotten)
    assert (await asker.ask(said(number=forgotten))).status == 404


async def test_numbers_are_not_to_be_guessed(answerer: Answerer) -> None:
    numbers = {answerer.expect(TO, "PCMU") for _ in range(100)}
    assert len(numbers) == 100
    assert {len(number) for number in numbers} == {32}


@pytest.mark.parametrize(("method", "status"), [("BYE", 200), ("CANCEL", 200), ("INFO", 405), ("OPTIONS", 200)])
async def test_what_else_is_asked_of_a_call(answerer: Answerer, asker: Asker, method: str, status: int) -> None:
    number = answerer.expect(TO, "PCMU")
    await asker.ask(said(number=number))
    assert (await asker.ask(said(method, number=number, body=""))).status == status


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\x80\x00" * 80, said("ACK", body="")])
async def test_what_is_not_to_be_answered_is_not(asker: Asker, data: bytes) -> None:
    asker.send(data)
    assert (await asker.ask(said("OPTIONS", body=""))).method == "OPTIONS"


async def test_an_address_that_is_taken_is_a_fault(answerer: Answerer) -> None:
    port = int((await answerer.open()).rpartition(":")[2])
    with pytest.raises(SwitchOperationFailed, match="taps_listen"):
        await Answerer("127.0.0.1", port).open()

"""What FreeSWITCH as the recorder's switch makes of calls that wait over a connection of their own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from esl_app.outbound import Door
from recorder.events import Held, LegIs, SwitchDown
from tests.esl_app.outbound_call import CHANNEL, DATA, calling
from tests.esl_app.test_switch import CREATED, FreeSwitch, connected, release
from tests.servers import free_port


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FreeSwitch]:
    async with FreeSwitch() as listening:
        yield listening


async def test_a_call_that_waits_over_a_connection_of_its_own_is_told_and_goes_on_with_the_variables(
        server: FreeSwitch) -> None:
    """The wish is asked where it can be trusted: what comes over that connection has no say in it."""
    door = Door("127.0.0.1", free_port(socket.SOCK_STREAM))
    server.answers["uuid_getvar"] = lambda line: {f"uuid_getvar {CHANNEL} recorder_record": "yes"}.get(line, "no")
    async with connected(server, door=door) as (switch, heard), calling(door.port, DATA) as call:
        await server.fire("CHANNEL_CREATE", {**CREATED, "Unique-ID": CHANNEL})
        held = await heard.next(Held)
        assert (held.leg, held.choice, held.inside) == (CHANNEL, True, False)
        assert [type(event) for event in heard.events if isinstance(event, LegIs | Held)] == [LegIs, Held]
        await switch.release(replace(release({"RECORDER_DECISION": "record"}), leg=CHANNEL))
        assert await call.goes_on() == b""
    assert f"api uuid_setvar {CHANNEL} recorder_decision record" in server.lines


async def test_a_channel_that_only_the_outbound_connection_knows_is_not_believed(server: FreeSwitch) -> None:
    door = Door("127.0.0.1", free_port(socket.SOCK_STREAM))
    async with connected(server, door=door) as (_, heard), calling(door.port, DATA) as call:
        assert await call.goes_on() == b""
        assert heard.all(Held) == []
    assert [line for line in server.lines if CHANNEL in line] == []


async def test_a_channel_that_is_gone_before_it_could_be_asked_about_is_no_error(server: FreeSwitch) -> None:
    door = Door("127.0.0.1", free_port(socket.SOCK_STREAM))
    server.answers["uuid_getvar"] = "-ERR No such channel!\n"
    async with connected(server, door=door) as (_, heard), calling(door.port, DATA) as call:
        await server.fire("CHANNEL_CREATE", {**CREATED, "Unique-ID": CHANNEL})
        assert await call.goes_on() == b""
        assert (heard.all(Held), heard.all(SwitchDown)) == ([], [])

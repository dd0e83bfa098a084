"""The decision over an outbound connection: ``decide-socket`` of dialplan/recorder.xml, and its guard.

Each call is one to 311, which rings bob once it knows; what it knew then stands on its channel.
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, variable
from tests.freeswitch_live.socket_peers import PEERS, PROGRAM, STALLS
from tests.freeswitch_live.test_decision import POLICY
from tests.phone import Call, Phones
from tests.phonograph import Phonograph, settings
from tests.servers import free_port
from tests.who_hears import SOUNDS, all_hear

pytestmark = pytest.mark.freeswitch

ASKS_OVER_A_SOCKET = "311"
UNKNOWN = ("unknown", "", "")


@pytest_asyncio.fixture
async def port(freeswitch: FreeSwitchServer) -> AsyncIterator[int]:
    """Where the dialplan connects to."""
    chosen = free_port(socket.SOCK_STREAM)
    freeswitch.cli(f"global_setvar recorder_socket=127.0.0.1:{chosen}")
    freeswitch.cli("global_setvar RECORDER_SOCKET_LATE=")
    yield chosen
    freeswitch.cli("global_setvar recorder_socket=")


def listening(server: FreeSwitchServer, folder: Path, port: int) -> Phonograph:
    switch = {**settings(server, folder)["switches"]["main"], "listen": f"127.0.0.1:{port}"}
    return Phonograph(server, folder, policy=POLICY, switches={"main": switch})


async def rings(server: FreeSwitchServer, phones: Phones, user: str) -> tuple[Call, Call, str]:
    """A call of a user to 311 that rings at bob's, bob's side of it, and the caller's channel."""
    caller, bob = await phones.user(user, SOUNDS["alice"]), await phones.user("bob", SOUNDS["bob"])
    bob.rings = None
    call = caller.call(ASKS_OVER_A_SOCKET)
    taken = await bob.next_call()
    assert call.answered_at is None
    return call, taken, (await legs(server, 2))[0]


def told(server: FreeSwitchServer, channel: str) -> tuple[str, str, str]:
    """Decision, rule and recording on a channel."""
    decision, rule, recording = (variable(server, channel, f"recorder_{name}") for name in ("decision", "rule", "id"))
    return decision, rule, recording


def late(server: FreeSwitchServer) -> str:
    """The lease of whoever a call had to be taken out of the hands of."""
    return server.cli("global_getvar RECORDER_SOCKET_LATE").strip().replace("-ERR no reply", "")


# ---- With Phonograph ------------------------------------------------------------------------------------------------


async def test_the_decision_comes_over_the_socket_before_anybody_is_rung(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, port: int) -> None:
    async with listening(freeswitch, tmp_path, port) as service:
        call, _, channel = await rings(freeswitch, phones, "alice")
        decision, rule, recording = told(freeswitch, channel)
        assert (decision, rule) == ("record", "user")
        assert recording
        assert variable(freeswitch, channel, "socket_resume") == ""
        await call.hangup()
        await service.closed(1)


async def test_check_says_whether_the_port_is_free_or_phonographs(
        freeswitch: FreeSwitchServer, tmp_path: Path, port: int) -> None:
    service = listening(freeswitch, tmp_path, port)
    status, said = await service.cli("check")
    assert (status, f"127.0.0.1:{port} is free" in said) == (0, True), said
    async with service:
        status, said = await service.cli("check")
        assert (status, f"Phonograph listens on 127.0.0.1:{port}" in said) == (0, True), said


async def test_a_call_that_is_not_recorded_is_told_so_over_the_socket(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, port: int) -> None:
    async with listening(freeswitch, tmp_path, port):
        _, _, channel = await rings(freeswitch, phones, "carol")
        assert told(freeswitch, channel) == ("skip", "system", "")


async def test_a_service_that_is_stopped_in_the_middle_does_not_touch_the_call_when_it_wakes(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, port: int) -> None:
    """Its end of the connection closes only then, in a conversation that has long begun."""
    async with listening(freeswitch, tmp_path, port) as service:
        os.kill(service.pid, signal.SIGSTOP)
        try:
            call, taken, channel = await rings(freeswitch, phones, "alice")
            assert told(freeswitch, channel) == UNKNOWN
            taken.answer()
            await call.answered
            assert late(freeswitch)
        finally:
            os.kill(service.pid, signal.SIGCONT)

        async def recorded() -> bool:
            return any(row["recordings"] for row in await service.calls())

        await service.until(recorded, "does not record")
        await asyncio.sleep(1.0)
        assert (call.ended_at, taken.ended_at) == (None, None)
        await all_hear((call, {"bob"}), (taken, {"alice"}))
        await call.hangup()
        await service.closed(1)


async def test_phonograph_that_does_not_listen_is_not_waited_for(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, port: int) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY):
        _, _, channel = await rings(freeswitch, phones, "alice")
        assert variable(freeswitch, channel, "recorder_guard") == ""


# ---- With others, who do what Phonograph does not --------------------------------------------------------------------


@asynccontextmanager
async def peer(server: FreeSwitchServer, port: int, kind: str) -> AsyncIterator[Process]:
    """One of `PEERS` listens, and the lease says that a Phonograph lives."""
    server.cli(f"global_setvar RECORDER_LEASE=somebody/{kind}/1")
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), str(port), kind, stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"listens\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        server.cli("global_setvar RECORDER_LEASE=")


@pytest.mark.parametrize("kind", PEERS)
async def test_whatever_the_other_end_does_the_call_goes_on_without_a_decision(
        freeswitch: FreeSwitchServer, phones: Phones, port: int, kind: str) -> None:
    async with peer(freeswitch, port, kind) as process:
        _, _, channel = await rings(freeswitch, phones, "alice")
        assert process.stdout is not None
        assert await process.stdout.readline() == b"called\n"
        assert told(freeswitch, channel) == UNKNOWN
        assert variable(freeswitch, channel, "socket_resume") == ""
        assert late(freeswitch) == (f"somebody/{kind}/1" if kind in STALLS else "")


async def test_with_nobody_there_the_call_goes_on_without_a_decision(
        freeswitch: FreeSwitchServer, phones: Phones, port: int) -> None:
    freeswitch.cli("global_setvar RECORDER_LEASE=somebody/dead/1")
    _, _, channel = await rings(freeswitch, phones, "alice")
    assert told(freeswitch, channel) == UNKNOWN


async def test_after_one_call_had_to_be_taken_out_no_other_goes_in_until_the_lease_moves(
        freeswitch: FreeSwitchServer, phones: Phones, port: int) -> None:
    """Else they would fill the queue of the stalled listener, and who cannot enter it cannot be taken out."""
    async with peer(freeswitch, port, "silent") as process:
        assert process.stdout is not None
        for lease in ("silent/1", "silent/1", "silent/1", "silent/2"):
            freeswitch.cli(f"global_setvar RECORDER_LEASE=somebody/{lease}")
            call, _, channel = await rings(freeswitch, phones, "alice")
            assert told(freeswitch, channel) == UNKNOWN
            await call.hangup()
        assert [await process.stdout.readline() for _ in range(2)] == [b"called\n"] * 2
        process.kill()
        assert await process.stdout.read() == b""


async def test_a_caller_who_hangs_up_while_the_call_waits_leaves_nothing_behind(
        freeswitch: FreeSwitchServer, phones: Phones, port: int) -> None:
    async with peer(freeswitch, port, "silent") as process:
        assert process.stdout is not None
        alice = await phones.user("alice")
        call = alice.call(ASKS_OVER_A_SOCKET)
        assert await process.stdout.readline() == b"called\n"
        await call.hangup()
        await legs(freeswitch, 0)
        await asyncio.sleep(0.5)  # longer than the guard would have waited
        assert late(freeswitch) == ""


async def test_a_dialplan_that_does_not_say_where_it_goes_on_is_not_left_to_a_guard_that_could_not_take_it_there(
        freeswitch: FreeSwitchServer, phones: Phones, port: int) -> None:
    async with peer(freeswitch, port, "silent") as process:
        assert process.stdout is not None
        call = (await phones.trunk()).call("312")
        await call.ended
        process.kill()
        assert await process.stdout.read() == b""
    assert "decide-socket needs recorder_next" in freeswitch.log.read_text()

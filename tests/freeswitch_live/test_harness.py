"""The server of the tests itself: before anybody trusts what happens on it."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.freeswitch import FreeSwitchFault, FreeSwitchServer
from tests.freeswitch_live.channels import legs
from tests.phone import CallFailed, Phones
from tests.useragent import Address
from tests.who_hears import SOUNDS, connected

pytestmark = pytest.mark.freeswitch


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[FreeSwitchServer]:
    """A running server that a test may break."""
    server = FreeSwitchServer(tmp_path)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


@dataclass(frozen=True)
class Intruder:
    """Somebody from an address that is no trunk's, who knows no password."""

    server: FreeSwitchServer
    trunk_address: Address = ("127.0.0.3", 0)

    @property
    def sip_address(self) -> Address:
        return self.server.sip_address

    @property
    def trunk_server(self) -> Address:
        return self.server.trunk_server

    def domain(self, user: str) -> str:
        return self.server.domain(user)

    def password(self, user: str) -> str:
        return "guessed"


# ---- The server -----------------------------------------------------------------------------------------------------


async def test_the_configuration_boots_without_a_complaint(own: FreeSwitchServer) -> None:
    log = own.log.read_text()
    assert [line for line in log.splitlines() if "[ERR]" in line or "[CRIT]" in line] == []


async def test_two_run_side_by_side(own: FreeSwitchServer, freeswitch: FreeSwitchServer) -> None:
    assert own.cli("global_getvar core_uuid") != freeswitch.cli("global_getvar core_uuid")


async def test_a_killed_server_comes_back_where_it_was(own: FreeSwitchServer) -> None:
    first, port = own.pid, own.esl_port
    await asyncio.to_thread(own.kill)
    assert not own.running
    await asyncio.to_thread(own.restart)
    assert (own.pid != first, own.esl_port) == (True, port)
    assert "is ready" in own.cli("status")


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = FreeSwitchServer(tmp_path)
    script = tmp_path / "freeswitch"
    script.write_text("#!/bin/sh\necho no room on the disk\n")
    script.chmod(0o700)
    server.installation = replace(server.installation, binary=script)
    with pytest.raises(FreeSwitchFault, match="no room on the disk"):
        await asyncio.to_thread(server.start)
    assert not server.running


# ---- Who gets in ----------------------------------------------------------------------------------------------------


async def test_nobody_gets_in_without_the_password(own: FreeSwitchServer) -> None:
    own.esl_password = "guessed"
    with pytest.raises(FreeSwitchFault, match="does not let us in"):
        own.cli("status")


async def test_where_nothing_was_written_down_nobody_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.freeswitch._BOOT_SECONDS", 10)
    server = FreeSwitchServer(tmp_path)
    written = {name: value for name, value in server.variables().items() if not name.startswith("esl_")}
    monkeypatch.setattr(server, "variables", lambda: {**written, "esl_port": server.esl_port})
    server.esl_password = "ClueCon"
    with pytest.raises(FreeSwitchFault, match=r'127\.0\.0\.1 Rejected by acl "event-socket"'):
        await asyncio.to_thread(server.start)


async def test_who_knows_no_password_neither_registers_nor_calls(freeswitch: FreeSwitchServer) -> None:
    async with Phones(Intruder(freeswitch)) as phones:
        with pytest.raises(CallFailed, match="403"):
            await phones.user("alice")


async def test_who_is_no_trunk_does_not_call_in(freeswitch: FreeSwitchServer) -> None:
    async with Phones(Intruder(freeswitch)) as phones:
        with pytest.raises(CallFailed, match="403"):
            await (await phones.trunk()).call("101").answered


# ---- What it keeps --------------------------------------------------------------------------------------------------


async def test_recordings_are_private_and_keys_stay_out_of_the_log(
    freeswitch: FreeSwitchServer, phones: Phones
) -> None:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    written = len(freeswitch.log.read_text())
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    uuid = (await legs(freeswitch, 2))[-1]
    path = freeswitch.recordings / "private.wav"
    assert freeswitch.cli(f"uuid_record {uuid} start {path}").startswith("+OK")
    await call.dial("4711")
    async with asyncio.timeout(10):
        while taken.digits != "4711":  # noqa: ASYNC110 - a phone tells nobody of a key
            await asyncio.sleep(0.02)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    log = freeswitch.log.read_text()[written:]
    assert "New Channel" in log
    assert "DTMF" not in log

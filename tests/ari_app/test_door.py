"""A door with a certificate: who speaks TLS gets in, and nobody else stays."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from ari_app.door import Door
from ari_app.listening import Listening
from faults import SettingsInvalid
from tests.ari_app.fake_asterisk import APP, PASSWORD, USER
from tests.certificates import Authority

DOOR = Door("127.0.0.1", 0, USER, PASSWORD, APP)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def locked(authority: Authority) -> Door:
    certificate, key = authority.sign("localhost")
    return replace(DOOR, certificate=certificate, key=key)


async def refused_by(listening: Listening, authority: Authority, *, password: str) -> int:
    """The status that somebody gets who speaks TLS and has another password."""
    host, port = listening.address
    async with aiohttp.ClientSession(headers={"Authorization": aiohttp.encode_basic_auth(USER, password)}) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"wss://{host}:{port}/", protocols=("ari",), server_hostname="localhost",
                                     ssl=ssl.create_default_context(cafile=str(authority.certificate)))
        return refused.value.status


async def over(reader: asyncio.StreamReader) -> None:
    """The other side has closed the connection."""
    async with asyncio.timeout(5):
        try:
            while await reader.read(1000):
                pass
        except ConnectionResetError:
            return


async def test_who_speaks_tls_is_heard(locked: Door, authority: Authority) -> None:
    async with Listening(locked) as listening:
        assert await refused_by(listening, authority, password="another") == 401


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_who_does_not_is_sent_away_in_time(locked: Door, said: bytes) -> None:
    async with Listening(locked, greeting=0.2) as listening:
        reader, writer = await asyncio.open_connection(*listening.address)
        writer.write(said)
        await over(reader)
        writer.close()


async def test_handshakes_that_stand_still_are_so_many_at_most(locked: Door) -> None:
    async with Listening(locked) as listening:
        strangers = [await asyncio.open_connection(*listening.address) for _ in range(60)]
        await asyncio.gather(*(over(reader) for reader, _ in strangers[50:]))
        for _, writer in strangers:
            writer.close()


async def test_a_failed_handshake_is_told_once(locked: Door, authority: Authority) -> None:
    async with Listening(locked, greeting=0.2) as listening:
        with capture_logs() as told:
            for _ in range(3):
                reader, writer = await asyncio.open_connection(*listening.address)
                writer.write(b"no TLS at all\r\n\r\n")
                await over(reader)
                writer.close()
            assert await refused_by(listening, authority, password="another") == 401
    (line,) = told
    assert (line["peer"], line["log_level"]) == ("127.0.0.1", "warning")


@pytest.mark.parametrize("broken", ["missing", "no certificate", "another's key"])
async def test_what_is_no_certificate_is_a_mistake_in_the_settings(
        locked: Door, authority: Authority, tmp_path: Path, broken: str) -> None:
    file = tmp_path / "file.pem"
    if broken == "no certificate":
        file.write_text("nothing\n")
    door = (replace(locked, key=authority.sign("another")[1]) if broken == "another's key"
            else replace(locked, certificate=file))
    with pytest.raises(SettingsInvalid, match="cannot be used"):
        async with Listening(door):
            pass

"""Operations over HTTP: what is sent, and how each failure is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from ari_app.client import Address, Client
from faults import (
    Fault,
    SettingsInvalid,
    SwitchOperationFailed,
    SwitchProtocolBroken,
    SwitchRefused,
    SwitchUnreachable,
)
from tests.ari_app.fake_asterisk import APP, CHANNEL, PASSWORD, USER, FakeAsterisk


@pytest_asyncio.fixture
async def asterisk_like() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as server:
        yield server


@pytest_asyncio.fixture
async def client(asterisk_like: FakeAsterisk) -> AsyncIterator[Client]:
    async with Client(asterisk_like.address()) as opened:
        yield opened


def answer(body: str = "", status: int = 200, **headers: str) -> Callable[[web.Request], web.Response]:
    return lambda _: web.Response(text=body, status=status, headers=headers)


async def test_a_channel_is_read(asterisk_like: FakeAsterisk, client: Client) -> None:
    asterisk_like.answers["GET", "/ari/channels/1.1"] = lambda _: web.json_response({**CHANNEL, "unheard_of": 1})
    channel = await client.operations.channels_get("1.1")
    assert (channel.id, channel.caller.number, channel.creationtime) == ("1.1", "101", 1795248000.5)


async def test_a_name_reaches_asterisk_as_one_part_of_the_path(asterisk_like: FakeAsterisk, client: Client) -> None:
    with pytest.raises(SwitchOperationFailed):
        await client.operations.recordings_get_live("phonograph/../%2F?x#y")
    assert asterisk_like.requests == [("GET", "/ari/recordings/live/phonograph%2F..%2F%252F%3Fx%23y")]


async def test_a_query_arrives_as_it_was_meant(asterisk_like: FakeAsterisk, client: Client) -> None:
    seen: list[dict[str, str]] = []

    def record(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        return web.json_response({"name": "n", "format": "wav", "target_uri": "channel:s", "state": "queued"})

    asterisk_like.answers["POST", "/ari/channels/s/record"] = record
    await client.operations.channels_record("s", name="a/b c&d=\u00e9+%2F", format_="wav", beep=False,
                                            max_duration_seconds=0)
    assert seen == [{"name": "a/b c&d=\u00e9+%2F", "format": "wav", "beep": "false", "maxDurationSeconds": "0"}]


async def test_credentials_are_in_no_url(asterisk_like: FakeAsterisk, client: Client) -> None:
    await client.operations.applications_get(APP)
    await (await client.listen()).close()
    assert len(asterisk_like.requests) == 2
    assert not any(USER in path or "pass" in path for _, path in asterisk_like.requests)


@pytest.mark.parametrize(("body", "status", "fault"), [
    ('{"message":"Channel not found"}', 404, SwitchOperationFailed),
    ("<html>", 500, SwitchOperationFailed),
    ("", 401, SwitchRefused),
    ('{"message":"Write access denied"}', 403, SwitchRefused),
    ("<html>", 200, SwitchProtocolBroken),
    ("[1]", 200, SwitchProtocolBroken),
    ("", 200, SwitchProtocolBroken),
    ('{"id":"1.1"}', 200, SwitchProtocolBroken),
    ("[" * 100_000, 200, SwitchProtocolBroken),
])
async def test_each_bad_answer_is_its_fault(asterisk_like: FakeAsterisk, client: Client, body: str, status: int,
                                            fault: type[Fault]) -> None:
    asterisk_like.answers["GET", "/ari/channels/1.1"] = answer(body, status)
    with pytest.raises(fault):
        await client.operations.channels_get("1.1")


async def test_the_status_and_asterisks_words_are_in_the_fault(asterisk_like: FakeAsterisk, client: Client) -> None:
    asterisk_like.answers["DELETE", "/ari/channels/1.1"] = answer('{"message":"Channel not found"}', 404)
    with pytest.raises(SwitchOperationFailed, match="Channel not found") as raised:
        await client.operations.channels_hangup("1.1")
    assert raised.value.details == {"status": 404, "path": "/channels/1.1"}


async def test_a_redirect_of_an_operation_is_not_followed(asterisk_like: FakeAsterisk, client: Client) -> None:
    asterisk_like.answers["GET", "/ari/channels/1.1"] = answer(status=302, Location="/ari/elsewhere")
    with pytest.raises(SwitchOperationFailed):
        await client.operations.channels_get("1.1")
    assert asterisk_like.requests == [("GET", "/ari/channels/1.1")]


async def test_a_redirect_of_the_websocket_is_not_followed(asterisk_like: FakeAsterisk, client: Client) -> None:
    asterisk_like.answers["GET", "/ari/events"] = answer(status=307, Location="/ari/elsewhere")
    with pytest.raises(SwitchOperationFailed):
        await client.listen()
    assert len(asterisk_like.requests) == 1


async def test_a_file_comes_in_blocks(asterisk_like: FakeAsterisk, client: Client) -> None:
    content = bytes(range(256)) * 1000
    asterisk_like.answers["GET", "/ari/recordings/stored/a/b/file"] = lambda _: web.Response(body=content)
    blocks = [block async for block in client.operations.recordings_get_stored_file("a/b")]
    assert b"".join(blocks) == content
    assert max(map(len, blocks)) <= 64 * 1024


async def test_a_file_that_is_not_there_is_a_fault(client: Client) -> None:
    with pytest.raises(SwitchOperationFailed):
        [block async for block in client.operations.recordings_get_stored_file("none")]


async def test_nobody_at_the_address(unused_tcp_port: int) -> None:
    async with Client(Address(f"http://127.0.0.1:{unused_tcp_port}/ari", USER, PASSWORD, APP)) as client:
        with pytest.raises(SwitchUnreachable):
            await client.operations.asterisk_ping()


async def test_an_asterisk_that_does_not_answer(asterisk_like: FakeAsterisk) -> None:
    asterisk_like.silent.add("/ari/asterisk/ping")
    async with Client(asterisk_like.address(), timeout=0.05) as client:
        with pytest.raises(SwitchUnreachable):
            await client.operations.asterisk_ping()


async def test_a_client_that_is_not_open_is_a_fault(asterisk_like: FakeAsterisk) -> None:
    with pytest.raises(SwitchUnreachable):
        await Client(asterisk_like.address()).operations.asterisk_ping()


@pytest.mark.parametrize("url", ["http://me:secret@127.0.0.1/ari", "ftp://127.0.0.1/ari", "127.0.0.1:8088", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        Address(url, USER, PASSWORD, APP)
    assert "secret" not in str(raised.value)


def test_a_password_is_in_no_repr() -> None:
    assert "secret" not in repr(Address("http://127.0.0.1/ari", USER, "secret", APP))

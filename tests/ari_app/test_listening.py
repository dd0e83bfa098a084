"""Asterisk connects to us: who is let in, answers that find who asked, and events that were kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import pytest
import pytest_asyncio

from ari_app.connection import Connection
from ari_app.door import Door
from ari_app.generated.events import Event
from ari_app.listening import Listening
from ari_app.variables import Globals
from faults import SettingsInvalid, SwitchOperationFailed, SwitchRefused, SwitchUnreachable
from link.backoff import Backoff
from link.lease import EVERY, FREE, Holder, Lease
from tests.ari_app.fake_asterisk import APP, APPLICATION, AT, PASSWORD, USER, event, state_change
from tests.ari_app.listener import Listener


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Listening]:
    async with Listening(Door("127.0.0.1", 0, USER, PASSWORD, APP), timeout=1, patience=1) as listening:
        yield listening


class Caller:
    """What looks like an Asterisk that connected to us: it answers operations over the WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.asked: list[str] = []
        self.silent: set[str] = set()
        self.variables: dict[str, str] = {}
        self._changed = asyncio.Event()
        self.over = asyncio.create_task(self._serve())

    async def until(self, asked: int) -> None:
        while len(self.asked) < asked:
            self._changed.clear()
            await self._changed.wait()

    async def _serve(self) -> None:
        async for message in self.socket:
            request = json.loads(message.data)
            self.asked.append(f"{request['method']} {request['uri']}")
            self._changed.set()
            if request["uri"] not in self.silent:
                status, body = self._answer(request)
                await self.answer(request["request_id"], status, body)

    async def answer(self, request: str, status: int, body: object = None) -> None:
        more = {} if body is None else {"message_body": json.dumps(body)}
        await self.socket.send_str(json.dumps(
            {"type": "RESTResponse", "request_id": request, "status_code": status, **more}, separators=(",", ":")))

    def _answer(self, request: dict[str, object]) -> tuple[int, object]:
        match request["method"], request["uri"]:
            case "GET", "asterisk/info":
                return 200, {"system": {"version": "22.10.1", "entity_id": "02:00"},
                             "status": {"startup_time": AT, "last_reload_time": AT}}
            case "GET", "asterisk/ping":
                return 200, {"asterisk_id": "02:00", "ping": "pong", "timestamp": AT}
            case "GET", "asterisk/variable":
                return 200, {"value": self.variables.get("RECORDER_LEASE", "")}
            case "POST", "asterisk/variable":
                query = request["query_strings"]
                assert isinstance(query, list)
                self.variables["RECORDER_LEASE"] = next(one["value"] for one in query if one["name"] == "value")
                return 204, None
            case _, str(uri) if uri.startswith("applications/"):
                return 200, APPLICATION
        return 404, {"message": "Resource not found"}


@asynccontextmanager
async def calling(door: Listening, *kept: str, password: str = PASSWORD, registers: bool = True) -> (
        AsyncIterator[Caller]):
    headers = {"Authorization": aiohttp.encode_basic_auth(USER, password)}
    host, port = door.address
    async with (aiohttp.ClientSession(headers=headers) as session,
                session.ws_connect(f"ws://{host}:{port}/", protocols=("ari",)) as socket):
        asterisk = Caller(socket)
        for frame in kept:
            await socket.send_str(frame)
        if registers:
            await socket.send_str(event("ApplicationRegistered"))
        yield asterisk


@asynccontextmanager
async def running(door: Listening, listener: Listener) -> AsyncIterator[None]:
    async def never(seconds: float) -> None:
        if seconds == EVERY:
            await asyncio.Event().wait()

    lease = Lease(Globals(door.operations), Holder("one", "1"), clock=lambda: 0.0, sleep=never)
    connection = Connection(door, listener, lease, clock=lambda: 0.0, backoff=Backoff(Random(1), first=0.01))
    task = asyncio.create_task(connection.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_operation_travels_over_the_websocket(door: Listening) -> None:
    async with calling(door) as asterisk, door.meet():
        assert asterisk.socket.protocol == "ari"
        assert (await door.operations.asterisk_ping()).ping == "pong"
        with pytest.raises(SwitchOperationFailed) as raised:
            await door.operations.channels_get("a/b")
    assert raised.value.details["status"] == 404
    assert asterisk.asked == ["GET asterisk/ping", "GET channels/a%2Fb"]


async def test_answers_find_who_asked_in_any_order(door: Listening) -> None:
    async with calling(door) as asterisk, door.meet():
        asterisk.silent.add("asterisk/variable")
        first = asyncio.create_task(door.operations.asterisk_get_global_var(variable="A"))
        second = asyncio.create_task(door.operations.asterisk_get_global_var(variable="B"))
        await asterisk.until(2)
        await asterisk.answer("2", 200, {"value": "b"})
        await asterisk.answer("7", 200, {"value": "nobody's"})
        await asterisk.answer("1", 200, {"value": "a"})
        assert ((await first).value, (await second).value) == ("a", "b")


async def test_an_answer_that_does_not_come_is_no_wait_for_ever(door: Listening) -> None:
    async with calling(door) as asterisk, door.meet():
        asterisk.silent.add("asterisk/ping")
        with pytest.raises(SwitchUnreachable):
            await door.operations.asterisk_ping()


async def test_a_lost_connection_fails_what_was_asked(door: Listening) -> None:
    async with calling(door) as asterisk, door.meet():
        asterisk.silent.add("asterisk/ping")
        asked = asyncio.create_task(door.operations.asterisk_ping())
        await asterisk.until(1)
        await asterisk.socket.close()
        with pytest.raises(SwitchUnreachable, match="lost"):
            await asked


async def test_a_wrong_password_is_not_let_in_and_told(door: Listening) -> None:
    meeting = asyncio.create_task(door.meet().__aenter__())
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with calling(door, password="wrong"):
            pass
    assert refused.value.status == 401
    with pytest.raises(SwitchRefused):
        await meeting


async def test_a_second_asterisk_does_not_disturb_the_first(door: Listening) -> None:
    async with calling(door), door.meet():
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with calling(door):
                pass
        assert refused.value.status == 409
        assert (await door.operations.asterisk_ping()).ping == "pong"


async def over(reader: asyncio.StreamReader) -> None:
    """The other side has closed the connection."""
    async with asyncio.timeout(5):
        while await reader.read(1000):
            pass


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /else HTTP/1.1\r\nHost: x\r\n\r\n",
                                  b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_who_does_not_show_in_time_that_it_is_asterisk_is_sent_away_and_asterisk_stays(said: bytes) -> None:
    async with Listening(Door("127.0.0.1", 0, USER, PASSWORD, APP), greeting=0.2) as door:
        reader, writer = await asyncio.open_connection(*door.address)
        writer.write(said)
        async with calling(door), door.meet():
            await over(reader)
            await asyncio.sleep(0.3)
            assert (await door.operations.asterisk_ping()).ping == "pong"
        writer.close()


async def test_strangers_are_so_many_at_most() -> None:
    async with Listening(Door("127.0.0.1", 0, USER, PASSWORD, APP)) as door, calling(door), door.meet():
        strangers = [await asyncio.open_connection(*door.address) for _ in range(60)]
        await asyncio.gather(*(over(reader) for reader, _ in strangers[50:]))
        assert (await door.operations.asterisk_ping()).ping == "pong"
        for _, writer in strangers:
            writer.close()


async def test_what_a_stranger_writes_is_answered_with_nothing_of_ours_and_stands_in_no_log(
        door: Listening, caplog: pytest.LogCaptureFixture) -> None:
    for said in (b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + b"c2VjcmV0" * 2000 + b"\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic c2VjcmV0\r\n\r\n"):
        reader, writer = await asyncio.open_connection(*door.address)
        writer.write(said)
        answer = await reader.read(1000)
        assert answer.split()[1] in (b"400", b"401")
        assert PASSWORD.encode() not in answer
        writer.close()
    assert caplog.text == ""


async def test_an_asterisk_that_does_not_come_is_told() -> None:
    async with Listening(Door("127.0.0.1", 0, USER, PASSWORD, APP), patience=0.01) as listening:
        with pytest.raises(SwitchUnreachable, match="outbound_websocket"):
            async with listening.meet():
                pass


async def test_nothing_is_asked_before_asterisk_has_spoken(door: Listening) -> None:
    async with calling(door, registers=False) as asterisk:
        with pytest.raises(SwitchUnreachable, match="apps"):
            async with door.meet():
                pass
        assert asterisk.asked == []
        await asterisk.over
        assert asterisk.socket.closed


async def test_an_address_that_is_taken_is_a_mistake_in_the_settings(door: Listening) -> None:
    host, port = door.address
    with pytest.raises(SettingsInvalid):
        async with Listening(Door(host, port, USER, PASSWORD, APP)):
            pass


async def test_what_asterisk_had_kept_is_heard_before_the_calls_are_read(door: Listening) -> None:
    listener = Listener()
    async with calling(door, state_change(5), state_change(6)) as asterisk, running(door, listener):
        await listener.until("up")
        await asterisk.socket.send_str(state_change(7))
        await listener.until("7")
    assert listener.story == ["5", "6", "connected", "up", "7"]
    assert asterisk.asked[-2:] == ["GET asterisk/variable", "POST asterisk/variable"]
    assert asterisk.variables["RECORDER_LEASE"] == FREE


async def test_answers_pass_our_own_filter(door: Listening) -> None:
    listener, filters = Listener(), []
    async with calling(door) as asterisk:
        whole = asterisk._answer

        def noted(request: dict[str, object]) -> tuple[int, object]:
            if request["uri"] == f"applications/{APP}/eventFilter":
                filters.append(json.loads(str(request["message_body"])))
            return whole(request)

        asterisk._answer = noted  # type: ignore[method-assign]
        async with running(door, listener):
            await listener.until("up")
    assert {"type": "RESTResponse"} in filters[0]["allowed"]


async def test_a_lost_connection_is_told_once_and_the_next_one_taken(door: Listening) -> None:
    listener = Listener()
    async with running(door, listener):
        for times in (1, 2):
            async with calling(door) as asterisk:
                await listener.until("up", times)
                await asterisk.socket.send_str(state_change(times))
                await listener.until(str(times))
        await listener.until("switch.unreachable", 2)
    assert listener.story == ["connected", "up", "1", "switch.unreachable", "connected", "up", "2",
                              "switch.unreachable"]


async def test_the_application_taken_by_another_program_is_told_and_asterisk_takes_it_back(door: Listening) -> None:
    listener = Listener()
    async with running(door, listener):
        async with calling(door) as asterisk:
            await listener.until("up")
            await asterisk.socket.send_str(event("ApplicationReplaced"))
            await listener.until("switch.taken")
            await asterisk.over
        async with calling(door):
            await listener.until("up", 2)


async def test_a_flood_while_nobody_reads_is_bounded(door: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.listening._MOST_WAITING", 10)
    async with calling(door) as asterisk, door.meet():
        for number in range(25):
            await asterisk.socket.send_str(state_change(number))
        await door.operations.asterisk_ping()
        kept = door.kept()
    assert [json.loads(frame)["channel"]["id"] for frame in kept] == ["20", "21", "22", "23", "24"]


class Reading(Listener):
    """One whose snapshot asks Asterisk something: its answer must not wait behind events."""

    def __init__(self, door: Listening) -> None:
        super().__init__()
        self._door = door

    async def received(self, event: Event) -> None:
        await self._door.operations.asterisk_ping()
        await super().received(event)


async def test_an_operation_in_the_middle_of_events_is_answered(door: Listening) -> None:
    listener = Reading(door)
    async with calling(door) as asterisk, running(door, listener):
        await listener.until("up")
        for number in (5, 6):
            await asterisk.socket.send_str(state_change(number))
        await listener.until("6")

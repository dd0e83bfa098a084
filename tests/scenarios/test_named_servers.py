"""Real calls to recording servers that somebody names while the call goes on, beside where policy sends it."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import added, page
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, begin
from tests.recording_server import RecordingServer
from tests.recording_session import RecordingSession
from tests.scenarios.conftest import Exchange
from tests.scenarios.test_recording_servers import servers
from tests.servers import PROJECT

pytestmark = pytest.mark.timeout(150)

Two = tuple[RecordingServer, RecordingServer]


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    """Two recording servers: `main`, which comes first in the settings, and `second`."""
    async with RecordingServer(tmp_path / "main") as first, RecordingServer(tmp_path / "second") as second:
        yield first, second


@pytest_asyncio.fixture
async def service(exchange: Exchange, everything: str, two: Two, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product: every call goes to the first server that takes it."""
    first, second = two
    async with Phonograph(exchange, tmp_path, policy=f"{everything}recordingTarget: siprec\n",
                          siprec=servers(main=first, second=second)) as running:
        yield running


def packets(session: RecordingSession) -> dict[str, int]:
    """How many each track has got."""
    return {label: len(track.packets()) for label, track in session.tracks.items()}


async def goes_on(session: RecordingSession) -> None:
    """Another half second comes under each label."""
    before = packets(session)
    for label, track in session.tracks.items():
        await track.received(before[label] + 25)


def whole(*sessions: RecordingSession) -> bool:
    """Whether no packet of any track is missing or came twice."""
    tracks = [track.packets() for session in sessions for track in session.tracks.values()]
    return bool(tracks) and all((after.sequence - before.sequence) & 0xFFFF == 1
                                for track in tracks for before, after in itertools.pairwise(track))


async def started(service: Phonograph, second: RecordingServer) -> tuple[str, RecordingSession]:
    """The one call, which goes to `second` as well."""
    (row,) = await service.calls()
    assert (await service.ask(row["id"], "start", server="second"))["answer"] == "done"
    session = await second.session()
    await session.answer()
    return row["id"], session


async def at_both(service: Phonograph, two: Two, phones: Phones) -> tuple[
        Call, Call, RecordingSession, tuple[str, RecordingSession]]:
    """A call that goes to the first server by the policy, and to the second one by its name."""
    first, second = two
    call, taken = await begin(phones)
    policys = await first.session()
    identity, named = await started(service, second)
    await goes_on(named)
    return call, taken, policys, (identity, named)


async def test_a_named_server_has_a_session_of_its_own_and_a_stop_of_its_name_ends_that(
        service: Phonograph, two: Two, phones: Phones) -> None:
    call, taken, policys, (identity, named) = await at_both(service, two, phones)
    await goes_on(policys)
    assert (await service.ask(identity, "stop", server="second"))["answer"] == "done"
    await named.ended()
    await goes_on(policys)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    await policys.ended()
    assert [(one["server"], one["named"]) for one in row["recordings"][0]["sessions"]] == [
        ("main", False), ("second", True)]
    assert whole(policys, named)
    assert row["recordings"][0]["state"] == "ready", row["recordings"][0]["reason"]


async def test_a_pause_of_one_server_leaves_the_other_flowing(
        service: Phonograph, two: Two, phones: Phones) -> None:
    call, taken, policys, (identity, named) = await at_both(service, two, phones)
    assert (await service.ask(identity, "pause", server="second"))["answer"] == "confirmed"
    before = packets(named)
    assert "a=inactive" in (await named.request("INVITE", 2)).sdp
    for _ in range(3):
        await goes_on(policys)
    assert packets(named) == before
    await service.ask(identity, "resume", server="second")
    assert "a=sendonly" in (await named.request("INVITE", 3)).sdp
    await goes_on(named)
    assert len(policys.requests("INVITE")) == 1
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    await named.ended()
    assert whole(policys, named)
    assert row["recordings"][0]["state"] == "ready", row["recordings"][0]["reason"]
    (pause,) = service.manifest(row["recordings"][0])["serverPauses"]
    assert (pause["server"], pause["owner"]) == ("second", "operator")


async def test_a_pause_of_a_server_covers_what_policy_sends_there(
        service: Phonograph, two: Two, phones: Phones) -> None:
    first, _ = two
    call, taken = await begin(phones)
    session = await first.session()
    await session.answer()
    (row,) = await service.calls()
    assert (await service.ask(row["id"], "pause", server="main"))["answer"] == "confirmed"
    before = packets(session)
    assert "a=inactive" in (await session.request("INVITE", 2)).sdp
    await asyncio.sleep(1.5)
    assert packets(session) == before
    await service.ask(row["id"], "resume", server="main")
    await goes_on(session)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert row["recordings"][0]["state"] == "ready", row["recordings"][0]["reason"]


async def test_without_a_name_a_pause_is_of_everything_and_a_stop_ends_all(
        service: Phonograph, two: Two, phones: Phones) -> None:
    call, taken, policys, (identity, named) = await at_both(service, two, phones)
    assert (await service.ask(identity, "pause"))["answer"] == "confirmed"
    before = packets(policys), packets(named)
    for session in (policys, named):
        assert "a=inactive" in (await session.request("INVITE", 2)).sdp
    await asyncio.sleep(1.0)
    assert (packets(policys), packets(named)) == before
    await service.ask(identity, "resume")
    await goes_on(policys)
    await goes_on(named)
    assert (await service.ask(identity, "stop"))["answer"] == "done"
    await policys.ended()
    await named.ended()
    await call.hangup()
    await taken.ended
    await service.closed(1)


async def test_a_call_that_policy_keeps_in_files_goes_to_a_named_server_as_well(
        exchange: Exchange, everything: str, two: Two, phones: Phones, tmp_path: Path) -> None:
    first, second = two
    async with Phonograph(exchange, tmp_path, policy=everything,
                          siprec=servers(main=first, second=second)) as service:
        call, taken = await begin(phones)
        identity, named = await started(service, second)
        await goes_on(named)
        refused = await service.ask(identity, "start", server="third")
        assert "no recording server of that name" in str(refused)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)
        await named.ended()
        assert row["recordings"][0]["state"] == "ready", row["recordings"][0]["reason"]
        assert row["recordings"][0]["stereo"] is not None


@contextmanager
def dialplan_of_the_page(exchange: Exchange) -> Iterator[None]:
    """The switch has the example of docs/siprec.md, for who calls 360."""
    if isinstance(exchange, AsteriskServer):
        with added(exchange, page("siprec.md")):
            yield
        return
    (example,) = re.findall(r"^```xml\n(.*?)^```$", (PROJECT / "docs" / "siprec.md").read_text(), re.M | re.S)
    file = exchange.conf / "dialplan" / "shared" / "9-named.xml"
    file.write_text(f"<include>\n{example}</include>\n")
    exchange.cli("reloadxml")
    yield
    file.unlink()
    exchange.cli("reloadxml")


async def test_the_dialplan_of_the_page_starts_pauses_resumes_and_stops_a_named_server(
        exchange: Exchange, two: Two, phones: Phones, tmp_path: Path) -> None:
    first, second = two
    policy = ("record: none\nrecordingTarget: siprec\n"
              "users: {alice@sales.example: {recording: {recordingProfile: optional}}}\n")
    with dialplan_of_the_page(exchange):
        async with Phonograph(exchange, tmp_path, policy=policy,
                              siprec=servers(main=first, second=second)) as service:
            alice = await phones.user("alice", ALICE)
            call = alice.call("360")
            named, policys = await second.session(), await first.session()
            assert "a=inactive" in (await named.request("INVITE", 2)).sdp
            before = packets(named)
            await goes_on(policys)
            assert packets(named) == before
            assert "a=sendonly" in (await named.request("INVITE", 3)).sdp
            await goes_on(named)
            await named.ended()
            await goes_on(policys)
            await call.ended
            (row,) = await service.closed(1)
            await policys.ended()
            assert [(one["verb"], one["actor"], one["server"]) for one in row["orders"]] == [
                ("start", "dialplan", "second"), ("stop", "dialplan", "second")]
            assert [(one["server"], one["owner"], one["state"]) for one in row["pauses"]] == [
                ("second", "ivr", "resumed")]
            assert row["pauses"][0]["confirmed"] is not None


async def test_the_switchs_console_and_our_command_line_name_a_server(
        exchange: Exchange, service: Phonograph, two: Two, phones: Phones) -> None:
    _, second = two
    call, taken = await begin(phones)
    (row,) = await service.calls()
    alice = row["legs"][0]
    await on_the_console(exchange, "start", alice)
    session = await second.session()
    await session.answer()
    await on_the_console(exchange, "pause", alice)
    assert "a=inactive" in (await session.request("INVITE", 2)).sdp
    await on_the_console(exchange, "resume", alice)
    assert "a=sendonly" in (await session.request("INVITE", 3)).sdp
    code, said = await service.cli("stop", row["id"], "--server", "second")
    assert (code, said.strip()) == (0, "that server gets no more of the call")
    await session.ended()
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert [(one["verb"], one["server"]) for one in row["orders"]] == [("start", "second"), ("stop", "second")]


async def on_the_console(exchange: Exchange, verb: str, leg: Json) -> None:
    """Ask on the switch's own console for the calls of a leg, and the server `second`."""
    if isinstance(exchange, AsteriskServer):
        await asyncio.to_thread(exchange.cli, f"recorder {verb} {leg['name']},server:second")
        return
    exchange.fs_cli("alias stickyadd recorder lua recorder.lua")
    assert "+OK" in await asyncio.to_thread(exchange.fs_cli, f"recorder {verb} {leg['id']} server=second")

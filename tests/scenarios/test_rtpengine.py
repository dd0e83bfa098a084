"""Real calls to recording servers with rtpengine as the relay: what it lets through, and when it stalls or dies."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.hearing import follow, whose_audio
from tests.phone import Call, Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, VOICES, begin
from tests.recording_server import RecordingServer
from tests.recording_session import RecordingSession
from tests.recording_to import heard
from tests.rtpengine import Rtpengine
from tests.scenarios.conftest import Exchange
from tests.scenarios.test_recording_servers import servers
from tests.sounds import noise

pytestmark = pytest.mark.timeout(120)

SECRET = noise(71)


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[RecordingServer]:
    """The recording server that policy sends every call to."""
    async with RecordingServer(tmp_path / "server") as running:
        yield running


@pytest_asyncio.fixture
async def second(tmp_path: Path) -> AsyncIterator[RecordingServer]:
    """One that somebody has to name."""
    async with RecordingServer(tmp_path / "second") as running:
        yield running


@pytest_asyncio.fixture
async def service(exchange: Exchange, everything: str, server: RecordingServer, second: RecordingServer,
                  rtpengine: Rtpengine, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, with rtpengine."""
    async with Phonograph(exchange, tmp_path, policy=f"{everything}recordingTarget: siprec\n",
                          siprec=servers(main=server, second=second) | rtpengine.settings) as running:
        yield running


async def over(service: Phonograph, call: Call, taken: Call) -> None:
    """The call has ended, and all that belongs to it."""
    await call.hangup()
    await taken.ended
    await service.closed(1)


async def more(session: RecordingSession, packets: int = 50) -> None:
    """So many come on every track."""
    for track in session.tracks.values():
        await track.received(len(track.packets()) + packets)


def nothing_of_the_secret(*sessions: RecordingSession) -> bool:
    tracks = [heard(track) for session in sessions for track in session.tracks.values()]
    return all(place.confidence < 0.2 for track in tracks for place in follow(SECRET.samples, track, window=0.25))


def tell_the_secret(*calls: Call) -> None:
    for one in calls:
        one.stream.play(SECRET)


def tell_it_no_more(call: Call, taken: Call) -> None:
    call.stream.play(ALICE)
    taken.stream.play(BOB)


async def test_digits_that_are_pressed_do_not_arrive(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    call, taken = await begin(phones)
    session = await server.session()
    await more(session)
    await call.dial("4929")
    await more(session)
    assert "4929" in taken.stream.digits
    await over(service, call, taken)
    for track in session.tracks.values():
        packets = track.packets()
        assert {(one.payload_type, len(one.payload)) for one in packets} == {(0, 160)}
        assert len({one.ssrc for one in packets}) == 1


async def test_a_call_in_a_law_arrives_as_what_the_server_agreed_to(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.codecs = bob.codecs = ("PCMA",)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    session = await server.session()
    await session.answer()
    await more(session, 150)
    await over(service, call, taken)
    assert [{one.payload_type for one in track.packets()} for track in session.tracks.values()] == [{0}, {0}]
    assert {label: list(whose_audio(track.samples, VOICES)) for label, track in session.tracks.items()} == {
        "1": ["alice"], "2": ["bob"]}


async def test_a_pause_of_one_server_is_not_heard_by_the_other_one(
        service: Phonograph, server: RecordingServer, second: RecordingServer, phones: Phones) -> None:
    call, taken = await begin(phones)
    policys = await server.session()
    (row,) = await service.calls()
    assert (await service.ask(row["id"], "start", server="second"))["answer"] == "done"
    named = await second.session()
    await named.answer()
    for _ in range(5):
        await more(named, 25)
        assert (await service.ask(row["id"], "pause", server="second"))["answer"] == "confirmed"
        tell_the_secret(call, taken)
        before = {label: len(track.packets()) for label, track in named.tracks.items()}
        await more(policys, 25)
        tell_it_no_more(call, taken)
        await asyncio.sleep(0.2)
        assert {label: len(track.packets()) for label, track in named.tracks.items()} == before
        await service.ask(row["id"], "resume", server="second")
    await more(named, 25)
    await over(service, call, taken)
    assert nothing_of_the_secret(named)
    for track in policys.tracks.values():
        packets = track.packets()
        assert len({one.ssrc for one in packets}) == 1
        assert all((after.sequence - one.sequence) & 0xFFFF == 1 for one, after in itertools.pairwise(packets))


async def test_a_pause_is_kept_though_rtpengine_does_not_answer(
        service: Phonograph, server: RecordingServer, rtpengine: Rtpengine, phones: Phones) -> None:
    call, taken = await begin(phones, 2.0)
    session = await server.session()
    (row,) = await service.calls()
    rtpengine.stall()
    # The switch says that the taps are gone: what was said before that waits in the daemon, and nothing else does.
    assert (await service.ask(row["id"], "pause"))["answer"] in ("confirmed", "forced")
    await asyncio.sleep(0.1)
    tell_the_secret(call, taken)
    await asyncio.sleep(2.0)
    rtpengine.go_on()
    await asyncio.sleep(2.0)
    before = {label: len(track.packets()) for label, track in session.tracks.items()}
    await asyncio.sleep(1.0)
    assert {label: len(track.packets()) for label, track in session.tracks.items()} == before
    assert nothing_of_the_secret(session)
    await over(service, call, taken)
    assert "has not confirmed a silence" in service.logs()


async def test_a_pause_for_one_server_is_not_confirmed_before_rtpengine_has_said_so(
        service: Phonograph, server: RecordingServer, rtpengine: Rtpengine, phones: Phones) -> None:
    """The taps go on for others: so what is said now would wait in the daemon, and go out."""
    call, taken = await begin(phones, 2.0)
    session = await server.session()
    (row,) = await service.calls()
    rtpengine.stall()
    asking = asyncio.create_task(service.ask(row["id"], "pause", server="main"))
    await asyncio.sleep(1.5)
    (shown,) = await service.calls()
    assert [pause["confirmed"] for pause in shown["pauses"]] == [None]
    rtpengine.go_on()
    await asking

    async def confirmed() -> bool:
        (shown,) = await service.calls()
        return all(pause["confirmed"] is not None for pause in shown["pauses"])

    await service.until(confirmed, "the pause was never confirmed")
    tell_the_secret(call, taken)
    await asyncio.sleep(1.5)
    tell_it_no_more(call, taken)
    await over(service, call, taken)
    assert nothing_of_the_secret(session)


async def test_a_daemon_that_begins_anew_in_a_pause_gets_nothing_of_it(
        service: Phonograph, server: RecordingServer, second: RecordingServer, rtpengine: Rtpengine,
        phones: Phones) -> None:
    call, taken = await begin(phones, 2.0)
    session = await server.session()
    (row,) = await service.calls()
    assert (await service.ask(row["id"], "pause"))["answer"] == "confirmed"
    tell_the_secret(call, taken)
    await rtpengine.end()
    await rtpengine.begin()
    await session.ended()
    tell_it_no_more(call, taken)
    await asyncio.sleep(0.2)
    await service.ask(row["id"], "resume")

    def later() -> list[RecordingSession]:
        """Sessions after the first one that have two seconds of the call, with whichever server."""
        return [one for where in (server, second) for one in where.sessions.values() if one is not session
                and len(one.tracks) == 2 and all(len(track.packets()) > 100 for track in one.tracks.values())]

    async def flows() -> bool:
        return bool(later())

    await service.until(flows, "nothing flows again")
    (again,) = later()
    await over(service, call, taken)
    assert nothing_of_the_secret(session, again)
    assert {label: list(whose_audio(track.samples, VOICES)) for label, track in again.tracks.items()} == {
        "1": ["alice"], "2": ["bob"]}


async def test_a_call_whose_rtpengine_dies_goes_on_into_a_file(
        service: Phonograph, server: RecordingServer, rtpengine: Rtpengine, phones: Phones) -> None:
    call, taken = await begin(phones, 2.0)
    await server.session()
    await rtpengine.end()
    await service.until(lambda: _in_file(service), "no file was begun", within=30)
    await asyncio.sleep(2.0)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    (recording,) = row["recordings"]
    assert recording["state"] == "incomplete"
    assert service.manifest(recording)["audio"] is not None
    assert "rtpengine has failed" in service.logs()


async def _in_file(service: Phonograph) -> bool:
    """Whether a call that went to a server goes into a file now."""
    (row,) = await service.calls()
    return any(segment["sink"] == "file" and segment["state"] == "up"
               for recording in row["recordings"] for segment in recording["segments"])

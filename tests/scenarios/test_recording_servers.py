"""Real calls to a recording server that is not ours: a strict one, PJSIP in a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tests import recording_to
from tests.certificates import Authority
from tests.hearing import follow, whose_audio
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, VOICES, Conversation, begin, clear, converse, said
from tests.recording_server import Certificates, RecordingServer
from tests.recording_session import RecordingSession
from tests.recording_to import breaks
from tests.scenarios.conftest import Exchange
from tests.scenarios.parties import users
from tests.siprec_app import reference
from tests.siprec_app.structure import complaints
from tests.sounds import PACKET, Samples, noise
from tests.whereabouts import SOUNDS, connected, heard, row_of

pytestmark = pytest.mark.timeout(120)

SAID = {name: sound.samples for name, sound in SOUNDS.items()}
SECRET = noise(71)
EDGE = 0.4
"""Seconds at the answer and at the hangup that are not looked at: until a server has accepted, nothing is sent."""


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[RecordingServer]:
    """The recording server. Each document that it was sent is one that RFC 7865 allows."""
    async with RecordingServer(tmp_path / "server") as running:
        yield running
        told = [message.metadata for session in running.sessions.values() for message in session.messages
                if message.incoming and message.metadata]
    schema = reference.schema()
    for document in told:
        assert complaints(document.encode()) == []
        if schema is not None:
            schema.validate(document)


@pytest.fixture
def to_server(everything: str) -> str:
    """A policy that sends every call to a recording server."""
    return f"{everything}recordingTarget: siprec\n"


@pytest_asyncio.fixture
async def service(exchange: Exchange, to_server: str, server: RecordingServer, relay: Json,
                  tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product: every call goes to the recording server."""
    async with Phonograph(exchange, tmp_path, policy=to_server, siprec=servers(main=server) | relay) as running:
        yield running


def servers(**those: RecordingServer | str) -> Json:
    """The settings of recording servers, in their order. A text is the URI of one that is not there."""
    return {"rest": 1, "servers": {
        name: {"uri": one if isinstance(one, str) else one.uri, "accept_within": 2} for name, one in those.items()}}


async def of_both(session: RecordingSession, talk: Conversation) -> None:
    """Each party is under its own label, all of it, without a break."""
    caller, callee = session.tracks["1"], session.tracks["2"]
    assert list(whose_audio(caller.samples, VOICES)) == ["alice"]
    assert list(whose_audio(callee.samples, VOICES)) == ["bob"]
    assert clear(said(talk.caller, ALICE, margin=EDGE), caller.samples)
    assert clear(said(talk.callee, BOB, margin=EDGE), callee.samples)
    assert (breaks(caller), breaks(callee)) == ([], [])


def mixed_in(what: Samples, where: Samples) -> bool:
    """Whether every half second of what one of two equally loud parties said is in their mix: about 0.7 of it is the
    other one."""
    return bool(float(np.median([place.confidence for place in follow(where, what, window=0.5)])) > 0.5)


async def test_each_party_is_under_its_own_label_and_nothing_is_missing(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    talk = await converse(service, alice, bob, "102", seconds=4.0)
    session = await server.session()
    await session.ended()
    await of_both(session, talk)
    assert talk.recording["state"] == "ready", service.manifest(talk.recording)["reasons"]
    assert service.manifest(talk.recording)["audio"] is None


async def test_a_call_to_both_places_is_whole_in_both(
        exchange: Exchange, everything: str, server: RecordingServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(exchange, tmp_path, policy=f"{everything}recordingTarget: both\n",
                          siprec=servers(main=server)) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=4.0)
        session = await server.session()
        await session.ended()
        await of_both(session, talk)
        left, right = talk.tracks()
        assert clear(said(talk.caller, ALICE), left)
        assert clear(said(talk.callee, BOB), right)
        assert talk.recording["state"] == "ready"


async def test_tls_with_certificates_of_both_sides_and_encrypted_audio(
        exchange: Exchange, to_server: str, phones: Phones, relay: Json, tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "theirs")
    certificate, key = authority.sign("127.0.0.1")
    ours = Authority.make(tmp_path / "ours")
    own, own_key = ours.sign("127.0.0.2")
    async with RecordingServer(tmp_path / "server", transport="tls", srtp="mandatory",
                               certificates=Certificates(certificate, key, ours.certificate)) as server:
        settings: Json = servers(main=server) | relay
        settings["servers"]["main"] |= {"srtp": True, "ca_file": str(authority.certificate),
                                        "certificate": str(own), "key": str(own_key)}
        async with Phonograph(exchange, tmp_path, policy=to_server, siprec=settings) as service:
            alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
            talk = await converse(service, alice, bob, "102", seconds=4.0)
            session = await server.session()
            await session.ended()
            assert "RTP/SAVP" in (await session.request("INVITE")).sdp
            await of_both(session, talk)
            assert talk.recording["state"] == "ready"
            keys = [line for line in (await session.request("INVITE")).sdp.splitlines() if "inline:" in line]
            assert keys
            assert not any(line.partition("inline:")[2][:30] in service.logs() for line in keys)


async def test_nothing_is_sent_in_a_pause_and_the_server_knows_of_it(
        service: Phonograph, server: RecordingServer, phones: Phones, relay: Json) -> None:
    call, taken = await begin(phones, 2.0)
    session = await server.session()
    (row,) = await service.calls()
    assert (await service.ask(row["id"], "pause"))["answer"] == "confirmed"
    before = {label: len(track.packets()) for label, track in session.tracks.items()}
    assert "a=inactive" in (await session.request("INVITE", 2)).sdp
    await asyncio.sleep(1.5)
    assert {label: len(track.packets()) for label, track in session.tracks.items()} == before
    await service.ask(row["id"], "resume")
    assert "a=sendonly" in (await session.request("INVITE", 3)).sdp
    for label, track in session.tracks.items():
        await track.received(before[label] + 50)
    await call.hangup()
    await taken.ended
    await service.closed(1)
    await session.ended()
    # With rtpengine each tap of the switch is a source of its own, and the resume has made new ones.
    sources = 2 if relay else 1
    assert {label: breaks(track, sources) for label, track in session.tracks.items()} == {"1": [], "2": []}


async def test_a_server_that_is_not_there_is_followed_by_the_next_one(
        exchange: Exchange, to_server: str, server: RecordingServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(exchange, tmp_path, policy=to_server,
                          siprec=servers(gone="sip:nobody@127.0.0.1:9;transport=tcp", main=server)) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=4.0)
        session = await server.session()
        await session.ended()
        await of_both(session, talk)
        assert talk.recording["state"] == "ready"


async def test_a_server_that_ends_it_in_the_middle_is_followed_by_the_next_one(
        exchange: Exchange, to_server: str, server: RecordingServer, phones: Phones, tmp_path: Path) -> None:
    async with (RecordingServer(tmp_path / "second") as second,
                Phonograph(exchange, tmp_path, policy=to_server,
                           siprec=servers(main=server, second=second)) as service):
        call, taken = await begin(phones, 2.0)
        first = await server.session()
        assert (await first.bye()).status == 200
        session = await second.session()
        assert "<datamode>complete</datamode>" in (await session.request("INVITE")).metadata
        await session.answer()
        for track in session.tracks.values():
            await track.received(100)
        await call.hangup()
        await taken.ended
        await service.closed(1)
        await session.ended()
        assert {label: list(whose_audio(track.samples, VOICES)) for label, track in session.tracks.items()} == {
            "1": ["alice"], "2": ["bob"]}
        assert first.tracks["1"].packets()[0].ssrc != session.tracks["1"].packets()[0].ssrc


async def test_a_call_that_no_server_takes_is_in_a_file(
        exchange: Exchange, to_server: str, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(exchange, tmp_path, policy=to_server,
                          siprec=servers(gone="sip:nobody@127.0.0.1:9;transport=tcp")) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=5.0)
        left, right = talk.tracks()
        assert clear(said(talk.caller, ALICE, margin=1.6), left)
        assert clear(said(talk.callee, BOB, margin=1.6), right)


async def test_a_call_that_is_in_a_file_goes_to_the_server_that_takes_it_at_last(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    """The file begins beside the server's taps and ends while they go on."""
    server.answer_with(480)
    call, taken = await begin(phones, 4.0)
    server.answer_with(200)
    number = 1
    while (await (session := await server.session(number)).answer()).status != 200:
        number += 1
    for track in session.tracks.values():
        await track.received(100)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    await session.ended()
    for label, own, filed in zip("12", ("alice", "bob"), Conversation(call, taken, row).tracks(), strict=True):
        assert list(whose_audio(filed, VOICES)) == [own]
        assert list(whose_audio(session.tracks[label].samples, VOICES)) == [own]


async def test_what_the_server_asks_for_in_the_middle_is_answered(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    call, taken = await begin(phones, 2.0)
    session = await server.session()
    assert (await session.hold()).status == 200
    assert (await session.resume()).status == 200
    assert (await session.offerless()).status == 200
    before = len(session.requests("INVITE"))
    assert (await session.ask_for_snapshot()).status == 200
    assert "<datamode>complete</datamode>" in (await session.request("INVITE", before + 1)).metadata
    seen = len(session.tracks["1"].packets())
    await session.tracks["1"].received(seen + 50)
    await call.hangup()
    await taken.ended
    await service.closed(1)
    await session.ended()


async def test_a_hold_is_told_to_the_server(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    call, taken = await begin(phones, 1.0)
    session = await server.session()
    assert (await session.request("INVITE")).metadata.count("<recv>") == 2
    await taken.hold()
    held = await session.request("INVITE", 2)
    assert held.metadata.count("<recv>") < 2
    await taken.resume()
    await call.hangup()
    await taken.ended
    await service.closed(1)


async def test_after_a_transfer_the_session_goes_on_and_names_who_came(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")
    call, taken = await connected(trunk, bob, "102")
    await heard(call, taken, seconds=1)
    session = await server.session()
    assert await taken.refer("103") < 300
    then = await carol.next_call()
    await heard(call, then, seconds=2)
    await call.hangup()
    row = await row_of(service, call, rows=1)
    await session.ended()
    assert len(server.sessions) == 1
    assert list(whose_audio(session.tracks["1"].samples, SAID)) == ["trunk"]
    assert sorted(whose_audio(session.tracks["2"].samples, SAID)) == ["bob", "carol"]
    last = [one.metadata for one in session.requests("INVITE") if one.metadata][-1]
    assert "carol" in last
    assert "disassociate-time" in last
    assert row["outcome"] == "recorded"


async def test_the_next_life_of_a_killed_service_begins_a_session_of_its_own(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    call, taken = await begin(phones, 2.0)
    first = await server.session()
    await service.kill()
    await service.start()
    session = await server.session(2)
    await session.answer()
    for track in session.tracks.values():
        await track.received(100)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    await session.ended()
    assert {label: list(whose_audio(track.samples, VOICES)) for label, track in session.tracks.items()} == {
        "1": ["alice"], "2": ["bob"]}
    (recording,) = row["recordings"]
    assert recording["state"] == "incomplete"
    assert [one["state"] for one in service.manifest(recording)["sessions"]] == ["over", "over"]
    assert first.requests("BYE") == []


async def test_the_end_of_the_service_ends_its_sessions(
        service: Phonograph, server: RecordingServer, phones: Phones) -> None:
    call, taken = await begin(phones, 1.0)
    session = await server.session()
    await session.answer()
    assert await service.stop() == 0
    await session.request("BYE")
    await call.hangup()
    await taken.ended


async def test_a_server_that_takes_one_stream_gets_everybody_on_it(
        exchange: Exchange, to_server: str, server: RecordingServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(exchange, tmp_path, policy=to_server,
                          siprec={**servers(main=server), "streams": "mixed"}) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=4.0)
        session = await server.session()
        await session.ended()
        invite = await session.request("INVITE")
        assert invite.sdp.count("m=audio") == 1
        assert (invite.metadata.count("<send>"), invite.metadata.count("<label>")) == (2, 1)
        (track,) = session.tracks.values()
        assert set(whose_audio(track.samples, VOICES)) == {"alice", "bob"}
        assert mixed_in(said(talk.caller, ALICE, margin=EDGE), track.samples)
        assert mixed_in(said(talk.callee, BOB, margin=EDGE), track.samples)
        assert breaks(track) == []
        assert talk.recording["state"] == "ready", service.manifest(talk.recording)["reasons"]
        (told,) = service.manifest(talk.recording)["sessions"]
        assert [one["track"] for one in told["tracks"]] == ["mixed"]
        assert ", mixed, for a recording server" in (await service.cli("recordings", "show", talk.recording["id"]))[1]


async def test_nothing_of_a_pause_is_on_the_one_stream(
        exchange: Exchange, to_server: str, server: RecordingServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(exchange, tmp_path, policy=to_server,
                          siprec={**servers(main=server), "streams": "mixed"}) as service:
        call, taken = await begin(phones, 2.0)
        session = await server.session()
        (row,) = await service.calls()
        assert (await service.ask(row["id"], "pause"))["answer"] == "confirmed"
        (track,) = session.tracks.values()
        before = len(track.packets())
        for one in (call, taken):
            one.stream.play(SECRET)
        await asyncio.sleep(1.5)
        assert len(track.packets()) == before
        call.stream.play(ALICE)
        taken.stream.play(BOB)
        await asyncio.sleep(0.1)
        await service.ask(row["id"], "resume")
        await track.received(before + 100)
        await call.hangup()
        await taken.ended
        await service.closed(1)
        await session.ended()
        came = recording_to.heard(track)
        for part in (came[:before * PACKET], came[before * PACKET:]):
            assert set(whose_audio(part, VOICES)) == {"alice", "bob"}
        assert all(place.confidence < 0.2 for place in follow(SECRET.samples, came, window=0.25))
        assert breaks(track) == []

"""The recording server of the tests is strict, says what it saw, and does what it is told. Its client here is sipp."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.certificates import Authority
from tests.hearing import whose_audio
from tests.recording_server import Certificates, RecordingServer, RecordingServerFault
from tests.recording_session import RecordingSession
from tests.siprec_app.sipp_client import (
    HOST,
    METADATA,
    SippClient,
    accept,
    answered,
    ask,
    bye,
    invite,
    offer,
    part,
    told,
)
from tests.sounds import PACKET, Sound, noise
from tests.srtp import crypto, derive, protect

PORTS = (40_000, 40_002)
"""Where the client says that it is; no test sends there."""


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[RecordingServer]:
    async with RecordingServer(tmp_path / "server") as running:
        yield running


def client(server: RecordingServer, *steps: str, transport: str = "udp") -> SippClient:
    return SippClient(server.folder / "client", server.port, *steps, transport=transport)


# ---- What it lets through -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_whole_session_is_answered_with_its_labels_and_told(tmp_path: Path, transport: str) -> None:
    async with (RecordingServer(tmp_path, transport=transport) as server,  # type: ignore[arg-type]
                client(server, accept(*PORTS), bye(), transport=transport) as sipp):
        session = await server.session()
        asked, answer = await session.request("INVITE"), await session.answer()
        await sipp.done()
        assert (asked.message.get("Require"), asked.metadata.replace("\r\n", "\n").strip()) == ("siprec", METADATA)
        assert asked.sdp.count("m=audio") == 2
        assert answer.status == 200
        assert {label: track.direction for label, track in session.tracks.items()} == {"1": "recvonly", "2": "recvonly"}
        assert (await session.answer("BYE")).status == 200
        await session.ended()


@pytest.mark.parametrize(("request_", "warning"), [
    (invite(part(offer(*PORTS)), require=""), "must be SIPREC"),
    (invite(part(offer(*PORTS)), contact=""), "must be SIPREC"),
    (invite(part(offer(*PORTS, labels=False))), "must have label"),
    (invite(("application/sdp", offer(*PORTS))), "rs-metadata"),
    (invite(("", "")), "must have a body"),
], ids=["no Require", "no +sip.src", "no labels", "no metadata", "no offer"])
async def test_what_is_no_recording_session_is_refused(server: RecordingServer, request_: str, warning: str) -> None:
    async with client(server, request_, answered(400, holds=f"Warning:.*399.*{warning}")) as sipp:
        session = await server.session()
        assert (await session.answer()).status == 400
        await sipp.done()


async def test_an_extension_that_it_does_not_know_is_refused_by_name(server: RecordingServer) -> None:
    steps = invite(part(offer(*PORTS)), require="siprec, unheard-of"), answered(420, holds="Unsupported: unheard-of")
    async with client(server, *steps) as sipp:
        await sipp.done()


async def test_a_session_timer_that_is_too_short_is_refused_with_the_least(server: RecordingServer) -> None:
    steps = (invite(part(offer(*PORTS)), more="Supported: timer\nSession-Expires: 30"),
             answered(422, holds="Min-SE: *90"))
    async with client(server, *steps) as sipp:
        await sipp.done()


async def test_a_session_timer_is_granted(server: RecordingServer) -> None:
    steps = (invite(part(offer(*PORTS)), more="Supported: timer\nSession-Expires: 600;refresher=uac"),
             answered(200, holds="Session-Expires: *600;refresher=uac"), bye())
    async with client(server, *steps) as sipp:
        await sipp.done()


async def test_one_session_of_many_is_refused_when_told_to(server: RecordingServer) -> None:
    server.answer_with(503, {"Retry-After": "7"})
    async with client(server, invite(part(offer(*PORTS))), answered(503, holds="Retry-After: 7")) as sipp:
        await sipp.done()
    await (await server.session()).ended()
    server.answer_with()
    async with client(server, accept(*PORTS), bye()) as sipp:
        await sipp.done()
    assert (await (await server.session(2)).answer()).status == 200


# ---- What it hears ------------------------------------------------------------------------------------------------


class Speaker:
    """One stream of a client: packets of 20 ms from a socket of its own, in 20 ms steps."""

    def __init__(self, sound: Sound) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.port: int = self.socket.getsockname()[1]
        self.sound = sound
        self.fields = [(65_530 + number & 0xFFFF, 4_294_966_000 + PACKET * number & 0xFFFFFFFF, payload)
                       for number, payload in enumerate(sound.packets("PCMU"))]
        self.packets = [
            struct.pack("!BBHII", 0x80, 0 if number else 0x80, sequence, timestamp, self.port) + payload
            for number, (sequence, timestamp, payload) in enumerate(self.fields)]

    def encrypt(self, master: bytes) -> None:
        """From now on, with these keys."""
        self.packets = protect(self.packets, master)

    def say(self, port: int, number: int) -> None:
        self.socket.sendto(self.packets[number], ("127.0.0.1", port))


@contextmanager
def speakers() -> Iterator[tuple[Speaker, Speaker]]:
    both = Speaker(noise(1, seconds=3)), Speaker(noise(2, seconds=3))
    yield both
    for speaker in both:
        speaker.socket.close()


async def talk(session: RecordingSession, both: tuple[Speaker, Speaker], *, lost: int | None = None) -> None:
    """Two seconds of both, in step; `lost`: the number of a packet that never arrives."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(100):
        for label, speaker in zip("12", both, strict=True):
            if number != lost:
                speaker.say(session.tracks[label].port, number)
        await asyncio.sleep(max(0.0, started + (number + 1) * 0.02 - loop.time()))


def heard(session: RecordingSession, both: tuple[Speaker, Speaker]) -> dict[str, list[str]]:
    """Under each label, whose speakers' labels half a second from their middle was heard of."""
    pieces = {label: speaker.sound.samples[6000:10000] for label, speaker in zip("12", both, strict=True)}
    return {label: list(whose_audio(session.tracks[label].samples, pieces, least=0.5)) for label in "12"}


async def test_each_party_is_heard_under_its_own_label(server: RecordingServer) -> None:
    with speakers() as both:
        async with client(server, accept(*(speaker.port for speaker in both)), ask("BYE")):
            session = await server.session()
            await session.answer()
            await talk(session, both)
            assert all(track.listening for track in session.tracks.values())
            await session.bye()
            await session.ended()
    assert heard(session, both) == {"1": ["1"], "2": ["2"]}


async def test_packets_are_kept_as_they_came_and_counted_with_those_that_are_missing(server: RecordingServer) -> None:
    with speakers() as both:
        async with client(server, accept(*(speaker.port for speaker in both)), ask("BYE")):
            session = await server.session()
            await session.answer()
            await talk(session, both, lost=50)
            for track in session.tracks.values():
                await track.received(99)
            await session.bye()
            await session.ended()
    for label, speaker in zip("12", both, strict=True):
        track = session.tracks[label]
        packets = track.packets()
        assert [(one.sequence, one.timestamp, one.payload) for one in packets] == [
            *speaker.fields[:50], *speaker.fields[51:100]]
        assert {(one.source, one.ssrc) for one in packets} == {((HOST, speaker.port), speaker.port)}
        assert packets[0].marker
        assert (track.counted("packets"), track.counted("lost")) == (99, 1)


async def test_a_report_of_the_clients_is_kept_beside_its_packets(server: RecordingServer) -> None:
    with speakers() as both:
        async with client(server, accept(*(speaker.port for speaker in both)), ask("BYE")):
            session = await server.session()
            await session.answer()
            track = session.tracks["1"]
            report = struct.pack("!BBHI", 0x80, 201, 1, both[0].port)
            both[0].socket.sendto(report, ("127.0.0.1", track.port + 1))
            both[0].say(track.port, 0)
            await track.received(1)
            await session.bye()
            await session.ended()
    assert track.control == [report]


async def test_what_it_cannot_do_is_told(server: RecordingServer) -> None:
    async with client(server, accept(*PORTS), bye()) as sipp:
        session = await server.session()
        await sipp.done()
        await session.ended()
        with pytest.raises(RecordingServerFault, match="no session"):
            await session.hold()


# ---- What changes -------------------------------------------------------------------------------------------------


async def test_a_pause_of_the_client_is_granted_and_ends_the_listening(server: RecordingServer) -> None:
    paused = invite(part(offer(*PORTS, direction="inactive", version=2)), cseq=2)
    async with client(server, accept(*PORTS), paused, answered(200, cseq=2), bye(3)) as sipp:
        session = await server.session()
        await session.answer("INVITE", 2)
        await sipp.done()
        await session.ended()
        assert {track.direction for track in session.tracks.values()} == {"inactive"}
        assert not any(track.listening for track in session.tracks.values())


async def test_what_comes_in_a_pause_is_kept_though_it_is_not_heard(server: RecordingServer) -> None:
    with speakers() as both:
        ports = [speaker.port for speaker in both]
        steps = accept(*ports), ask("INVITE", told(*ports, direction="inactive")), ask("BYE")
        async with client(server, *steps):
            session = await server.session()
            await session.answer()
            await session.hold()
            track = session.tracks["1"]
            await talk(session, both)
            await track.received(100)
            await session.bye()
            await session.ended()
    pieces = {"1": both[0].sound.samples[6000:10000]}
    assert whose_audio(track.samples, pieces, least=0.1) == {}


async def test_a_stream_that_is_added_later_is_recorded_too(server: RecordingServer) -> None:
    third = invite(part(offer(*PORTS, 40_004, version=2)), cseq=2)
    async with client(server, accept(*PORTS), third, answered(200, cseq=2), bye(3)) as sipp:
        session = await server.session()
        await sipp.done()
        await session.ended()
        assert sorted(session.tracks) == ["1", "2", "3"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_it_pauses_resumes_asks_for_an_offer_and_for_metadata_and_ends(tmp_path: Path, transport: str) -> None:
    steps = [accept(*PORTS), ask("INVITE", told(*PORTS, direction="inactive")), ask("INVITE", told(*PORTS, version=3)),
             ask("INVITE", told(*PORTS, version=4)), ask("UPDATE"), ask("UPDATE"), ask("BYE")]
    async with (RecordingServer(tmp_path, transport=transport) as server,  # type: ignore[arg-type]
                client(server, *steps, transport=transport) as sipp):
        session = await server.session()
        await session.answer()
        assert (await session.hold()).status == 200
        held = {label: track.direction for label, track in session.tracks.items()}
        assert (await session.resume()).status == 200
        assert (await session.offerless()).status == 200
        assert (await session.update()).status == 200
        assert (await session.ask_for_snapshot()).status == 200
        assert (await session.bye()).status == 200
        await sipp.done()
        await session.ended()
    assert held == {"1": "inactive", "2": "inactive"}
    sent = [one for one in session.messages if not one.incoming and one.message.method in {"INVITE", "UPDATE"}
            and not one.status]
    assert ["inactive" in one.sdp for one in sent[:2]] == [True, False]
    assert sent[1].sdp.count("a=recvonly") == 2
    assert sent[2].sdp == ""
    assert "<requestsnapshot" in sent[-1].part("application/rs-metadata-request")


async def test_it_may_answer_that_it_does_not_listen_yet(server: RecordingServer) -> None:
    server.answer_with(direction="inactive")
    async with client(server, accept(*PORTS), ask("INVITE", told(*PORTS)), ask("BYE")) as sipp:
        session = await server.session()
        await session.answer()
        assert {track.direction for track in session.tracks.values()} == {"inactive"}
        assert (await session.resume()).status == 200
        await session.bye()
        await sipp.done()
        assert {track.direction for track in session.tracks.values()} == {"recvonly"}


# ---- Encryption ---------------------------------------------------------------------------------------------------


async def test_audio_in_the_clear_is_refused_where_it_has_to_be_encrypted(tmp_path: Path) -> None:
    async with (RecordingServer(tmp_path, srtp="mandatory") as server,
                client(server, invite(part(offer(*PORTS))), answered(488)) as sipp):
        await sipp.done()


async def test_it_decrypts_each_stream_by_the_key_of_its_line(tmp_path: Path) -> None:
    masters = bytes(range(30)), bytes(range(30, 60))
    with speakers() as both:
        sdp = offer(*(speaker.port for speaker in both), profile="RTP/SAVP", keys=[crypto(one) for one in masters])
        async with (RecordingServer(tmp_path, srtp="mandatory") as server,
                    client(server, invite(part(sdp)), answered(200), ask("BYE"))):
            session = await server.session()
            answer = (await session.answer()).sdp
            for speaker, master in zip(both, masters, strict=True):
                speaker.encrypt(master)
            await talk(session, both)
            await session.bye()
            await session.ended()
    assert answer.count("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:") == 2
    assert crypto(masters[0]) not in answer
    assert heard(session, both) == {"1": ["1"], "2": ["2"]}
    clear = both[0].sound.packets("PCMU")
    assert not any(packet.payload[:PACKET] in clear for packet in session.tracks["1"].packets())


async def test_it_does_not_hear_what_is_encrypted_by_another_key(tmp_path: Path) -> None:
    with speakers() as both:
        keys = [crypto(bytes(30)), crypto(bytes(30))]
        sdp = offer(*(speaker.port for speaker in both), profile="RTP/SAVP", keys=keys)
        async with (RecordingServer(tmp_path, srtp="mandatory") as server,
                    client(server, invite(part(sdp)), answered(200), ask("BYE"))):
            session = await server.session()
            await session.answer()
            both[0].encrypt(bytes(range(30)))
            both[1].encrypt(bytes(30))
            await talk(session, both)
            await session.bye()
            await session.ended()
    assert heard(session, both) == {"1": [], "2": ["2"]}


def test_the_keys_of_its_client_are_those_of_the_standard() -> None:
    """RFC 3711, B.3."""
    cipher, authentication, salt = derive(bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6"))
    assert cipher.hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert authentication.hex() == "cebe321f6ff7716b6fd4ab49af256a156d38baa4"
    assert salt.hex() == "30cbbc08863d8c85d49db34a9ae1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority")


async def options(server: RecordingServer, context: ssl.SSLContext) -> str:
    """The first line of its answer to OPTIONS, by Python's own TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname="recorder")
    writer.write(b"OPTIONS sip:recorder@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bK1\r\n"
                 b"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:recorder@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
                 b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
    try:
        async with asyncio.timeout(20):
            line = await reader.readline()
    finally:
        writer.close()
    if not line:
        raise ConnectionError("closed without an answer")
    return line.decode().strip()


async def test_tls_takes_clients_with_a_certificate_of_the_authority_only(tmp_path: Path, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    certificates = Certificates(*authority.sign("recorder"), clients=authority.certificate)
    async with RecordingServer(tmp_path / "server", transport="tls", certificates=certificates) as server:
        # With TLS 1.3 the client is through with its handshake before the server looks at its certificate.
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await options(server, context)
        context.load_cert_chain(*authority.sign("client"))
        assert await options(server, context) == "SIP/2.0 200 OK"


# ---- When it fails ------------------------------------------------------------------------------------------------


async def later_offer_without_labels(folder: Path) -> None:
    unlabelled = invite(part(offer(*PORTS, labels=False, version=2)), cseq=2)
    async with RecordingServer(folder) as server, client(server, accept(*PORTS), unlabelled):
        session = await server.session()
        await session.answer("INVITE", 2)


async def test_a_request_that_kills_it_is_a_failure(tmp_path: Path) -> None:
    """PJSIP 2.17 takes the label of each line of a later offer without asking whether there is one."""
    with pytest.raises(RecordingServerFault, match=r"PJSIP ended with status -\d+"):
        await later_offer_without_labels(tmp_path)


async def test_what_the_client_does_not_do_is_not_waited_for_forever(server: RecordingServer,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.recording_server._SECONDS", 0.01)
    with pytest.raises(RecordingServerFault, match="waited in vain for session"):
        await server.session()

"""TLS to a recording server: who trusts whom, and that what began with it stays with it."""

from __future__ import annotations

import asyncio
import re
import ssl
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from faults import RecordingServerUnreachable, RecordingServerUntrusted, SettingsInvalid
from siprec_app.protocol.responses import Verdict
from siprec_app.tls import TlsSettings
from tests.certificates import Authority
from tests.siprec_app.recording import Recording, recording
from tests.siprec_app.stream_peer import StreamPeer, server_context

NAME = "localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("certificates") / "stranger")


@pytest.fixture(scope="module")
def ours(authority: Authority) -> TlsSettings:
    return TlsSettings(authority.certificate, *authority.sign("client"))


async def fails(session: Recording) -> None:
    session.want()
    assert (await session.is_over()).verdict is Verdict.NEXT
    await session.client.closed()
    assert session.flows == []


async def test_both_sides_show_their_certificates(authority: Authority, ours: TlsSettings) -> None:
    context = server_context(authority.sign(NAME), authority.certificate)
    async with StreamPeer(context) as peer, recording(peer.server(ours)) as session:
        session.want()
        invite = await peer.accepts()
        await session.until(lambda: session.flowing == ["1", "2"])
        shown = peer.writer.get_extra_info("peercert")
        assert ("DNS", "client") in shown["subjectAltName"]
        assert peer.writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
        assert invite.via.transport == "TLS"
        assert re.search(r"^<sip:[^>]*;transport=tls>;\+sip\.src$", invite.fields.get("Contact"))
        session.client.stop()
        peer.answers(await peer.request("BYE"), 200)
        await session.client.closed()
        assert len(peer.connections) == 1


async def test_a_server_that_another_authority_vouches_for(authority: Authority, stranger: Authority,
                                                          ours: TlsSettings) -> None:
    context = server_context(stranger.sign(NAME), authority.certificate)
    async with StreamPeer(context) as peer, recording(peer.server(ours)) as session:
        await fails(session)
        assert not peer.heard
    assert isinstance(session.client.fault, RecordingServerUntrusted)


async def test_a_server_with_another_name(authority: Authority, ours: TlsSettings) -> None:
    context = server_context(authority.sign("other.example"), authority.certificate)
    async with StreamPeer(context) as peer, recording(peer.server(ours)) as session:
        await fails(session)
        assert not peer.heard
    assert isinstance(session.client.fault, RecordingServerUntrusted)
    assert "localhost" in str(session.client.fault.details["reason"])


async def test_a_server_whose_certificate_has_expired(authority: Authority, ours: TlsSettings) -> None:
    expired = Authority.make(authority.folder / "once")
    context = server_context(expired.sign(NAME, days=-1), authority.certificate)
    settings = replace(ours, authority=expired.certificate)
    async with StreamPeer(context) as peer, recording(peer.server(settings)) as session:
        await fails(session)
    assert isinstance(session.client.fault, RecordingServerUntrusted)
    assert "expired" in str(session.client.fault.details["reason"])


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_without_a_certificate(authority: Authority, ours: TlsSettings, newest: ssl.TLSVersion) -> None:
    """With TLS 1.3 the client has finished before the server says no: the INVITE meets a connection that ends."""
    context = server_context(authority.sign(NAME), authority.certificate)
    context.maximum_version = newest
    async with (StreamPeer(context) as peer,
                recording(peer.server(replace(ours, certificate=None, key=None))) as session):
        await fails(session)
        assert not peer.heard
    assert isinstance(session.client.fault, RecordingServerUntrusted | RecordingServerUnreachable)


async def test_a_client_whose_certificate_the_server_does_not_trust(authority: Authority, stranger: Authority) -> None:
    context = server_context(authority.sign(NAME), authority.certificate)
    settings = TlsSettings(authority.certificate, *stranger.sign("client"))
    async with StreamPeer(context) as peer, recording(peer.server(settings)) as session:
        await fails(session)
        assert not peer.heard


async def test_a_server_that_knows_only_what_is_out_of_date(authority: Authority, ours: TlsSettings) -> None:
    context = server_context(authority.sign(NAME), authority.certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with StreamPeer(context) as peer, recording(peer.server(ours)) as session:
        await fails(session)
        assert not peer.heard


async def test_a_server_that_speaks_no_tls(ours: TlsSettings) -> None:
    async with StreamPeer() as peer, recording(replace(peer.server(), uri=f"sips:srs@localhost:{peer.port}",
                                                       tls=ours)) as session:
        session.want()
        await asyncio.sleep(0.1)
        for _, writer in peer.connections:
            writer.write(b"SIP/2.0 400 What?\r\n\r\n")
        assert (await session.is_over()).verdict is Verdict.NEXT
    assert b"SIP" not in peer.heard


@pytest.mark.parametrize("name", ["missing", "no certificate", "another key"])
async def test_files_that_cannot_be_used(authority: Authority, ours: TlsSettings, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    settings = {"missing": TlsSettings(tmp_path / "none.pem"), "no certificate": TlsSettings(broken),
                "another key": replace(ours, key=authority.sign("other")[1])}[name]
    async with StreamPeer(server_context(authority.sign(NAME), authority.certificate)) as peer:
        async with recording(peer.server(settings)) as session:
            await fails(session)
        assert isinstance(session.client.fault, SettingsInvalid)
        assert peer.connections == []


async def test_a_request_that_comes_in_the_clear_is_refused(authority: Authority, ours: TlsSettings) -> None:
    context = server_context(authority.sign(NAME), authority.certificate)
    async with StreamPeer(context) as peer, recording(peer.server(ours)) as session:
        session.want()
        invite = await peer.accepts()
        reader, writer = await asyncio.open_connection(*session.carrier.address)
        writer.write(peer.asks(invite, "INVITE", 1))
        assert (await reader.read(1000)).startswith(b"SIP/2.0 403")
        writer.close()
        assert session.overs == []


@pytest.mark.parametrize("contact", ["sip:srs@localhost", "sip:srs@localhost:9;transport=udp", "sip:srs@127.0.0.9:9",
                                     "sip:srs@127.0.0.9:9;transport=tcp", "tel:+49"])
async def test_what_began_with_tls_stays_with_it(authority: Authority, ours: TlsSettings, contact: str) -> None:
    """The keys of the streams are in these messages. A Contact that leads elsewhere is tried with TLS only."""
    context = server_context(authority.sign(NAME), authority.certificate)
    async with StreamPeer(context) as peer, recording(peer.server(ours)) as session:
        session.want()
        await peer.accepts(contact)
        session.client.stop()
        bye = await peer.request("BYE")
        assert bye.via.transport == "TLS"
        peer.answers(bye, 200)
        await session.client.closed()
        assert len(peer.connections) == 1

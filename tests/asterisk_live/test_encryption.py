"""Asterisk connects to us by TLS: a call is recorded, and an Asterisk that does not know our certificate stays away."""

import asyncio
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.certificates import Authority
from tests.phone import Phones
from tests.phonograph import Phonograph, settings
from tests.recorded import ALICE, BOB, EVERYTHING, clear, converse, said

pytestmark = pytest.mark.asterisk


def service_of(server: AsteriskServer, folder: Path, port: int, certificate: Path, key: Path) -> Phonograph:
    """A service that listens by TLS."""
    switch = {**settings(server, folder)["switches"]["main"], "connect": "listen", "listen": f"127.0.0.1:{port}",
              "tls_certificate": str(certificate), "tls_key": str(key)}
    return Phonograph(server, folder, policy=EVERYTHING, switches={"main": switch})


async def test_a_call_is_recorded_over_an_encrypted_connection(tmp_path: Path, unused_tcp_port: int) -> None:
    authority = Authority.make(tmp_path / "authority")
    server = AsteriskServer(tmp_path / "asterisk", calls=unused_tcp_port, trusts=authority.certificate)
    await asyncio.to_thread(server.start)
    try:
        service = service_of(server, tmp_path, unused_tcp_port, *authority.sign("localhost"))
        _, told = await service.cli("check")
        assert "ok    main: certificate" in told
        assert "main: ARI: Asterisk 22" in told
        async with service, Phones(server) as phones:
            alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
            talk = await converse(service, alice, bob, "102")
            left, right = talk.tracks()
            assert clear(said(talk.caller, ALICE, margin=0.5), left)
            assert clear(said(talk.callee, BOB, margin=0.5), right)
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("wrong", ["authority", "host"])
async def test_an_asterisk_that_does_not_trust_our_certificate_says_nothing_to_us(
        tmp_path: Path, unused_tcp_port: int, wrong: str) -> None:
    authority, strange = Authority.make(tmp_path / "authority"), Authority.make(tmp_path / "strange")
    trusted = strange if wrong == "authority" else authority
    server = AsteriskServer(tmp_path / "asterisk", calls=unused_tcp_port, trusts=trusted.certificate)
    await asyncio.to_thread(server.start)
    try:
        host = "localhost" if wrong == "authority" else "elsewhere.example"
        service = service_of(server, tmp_path, unused_tcp_port, *authority.sign(host))
        status, told = await service.cli("check")
        assert status == 1
        assert f"FAIL  main: ARI: No Asterisk connects to 127.0.0.1:{unused_tcp_port}" in told
    finally:
        await asyncio.to_thread(server.stop)

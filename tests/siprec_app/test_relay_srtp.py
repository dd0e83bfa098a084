"""A stream that was agreed to be encrypted, heard by a program that has an SRTP of its own (FFmpeg), and by libsrtp."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from pathlib import Path

import pylibsrtp
import pytest

from media import rtcp, rtp
from siprec_app.ports import Ports
from siprec_app.protocol.crypto import Crypto, Suite
from siprec_app.protocol.negotiation import Flow
from siprec_app.protocol.sdp import PCMU
from tests.siprec_app.ends import OUTLETS, SWITCH, TICK, Scene

PROFILES = {Suite.AES_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
            Suite.AES_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32}


def pair(suite: Suite = Suite.AES_80, seed: int = 1) -> tuple[Crypto, Crypto]:
    """Keys of both sides."""
    draw = random.Random(seed)
    ours, theirs = (Crypto(1, suite, draw.randbytes(30)) for _ in range(2))
    return ours, theirs


def reader(crypto: Crypto) -> pylibsrtp.Session:
    """A receiver that has this key."""
    return pylibsrtp.Session(pylibsrtp.Policy(key=crypto.key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
                                              srtp_profile=PROFILES[crypto.suite]))


def read(session: pylibsrtp.Session, data: bytes) -> rtp.Packet:
    packet = rtp.parse(session.unprotect(data))
    assert packet is not None
    return packet


@pytest.mark.parametrize("suite", Suite)
async def test_the_server_hears_it_with_our_key_and_reads_our_reports(suite: Suite) -> None:
    async with Scene() as scene:
        switch, server, outlet, key = await scene.tap(), scene.server(), await scene.outlet(), pair(suite)
        await scene.relay.flow(outlet, server.flow(key=key))
        await scene.talk(switch, *range(10))
        heard, found = server.datagrams(), reader(key[0])
        assert [read(found, data).payload for data in heard] == [switch.noise(number) for number in range(10)]
        assert not any(switch.noise(number) in data for number, data in enumerate(heard))
        await scene.relay.close_outlet(outlet)
        data, _ = await server.report()
        assert found.unprotect_rtcp(data)[1] == 201


async def test_a_report_counts_only_with_the_servers_key() -> None:
    async with Scene() as scene:
        switch, server, key = await scene.tap(), scene.server(), pair()
        outlet = await scene.relay.open_outlet("in", "session")
        await scene.relay.flow(outlet.id, server.flow(key=key))
        await scene.talk(switch, 0)
        source = read(reader(key[0]), server.datagrams()[0]).source
        report = rtcp.receiver_report(1, [rtcp.Block(source, 0, 9, 0, 0, 0, 0)])
        for one in (pair(seed=2)[1], key[1]):
            writer = pylibsrtp.Session(pylibsrtp.Policy(key=one.key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
            server.rtcp.sendto(report, (OUTLETS, outlet.rtcp_port))
            server.rtcp.sendto(writer.protect_rtcp(report), (OUTLETS, outlet.rtcp_port))
        async with asyncio.timeout(20):
            while (counted := await scene.counted(outlet.id)).report is None:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0)
        assert (counted.strange, counted.report.lost) == (3, 9)


async def test_a_pause_goes_on_with_the_same_key_and_source() -> None:
    async with Scene() as scene:
        switch, server, outlet, key = await scene.tap(), scene.server(), await scene.outlet(), pair()
        for number in range(3):
            await scene.relay.flow(outlet, server.flow(key=key))
            await scene.talk(switch, 2 * number)
            await scene.relay.flow(outlet, None)
            await scene.talk(switch, 2 * number + 1)
        found = reader(key[0])
        packets = [read(found, data) for data in server.datagrams()]
        assert [packet.payload for packet in packets] == [switch.noise(number) for number in (0, 2, 4)]
        assert len({packet.source for packet in packets}) == 1


async def test_numbers_that_go_around_are_still_understood() -> None:
    async with Scene() as scene:
        switch, server, outlet, key = await scene.tap(), scene.server(), await scene.outlet(), pair()
        await scene.relay.flow(outlet, server.flow(key=key))
        found, around = reader(key[0]), 0
        for number in range(0, 66_000, 1_000):
            # The switch loses nearly all: the numbers are around in some packets.
            await scene.talk(switch, number)
            data, = server.datagrams()
            packet = read(found, data)
            assert packet.payload == switch.noise(number)
            around += packet.sequence < 1_000
        assert around > 0


async def test_another_key_begins_a_stream_of_its_own_and_ends_the_one_before() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        first, second = pair(seed=1), pair(seed=2)
        await scene.relay.flow(outlet, server.flow(key=first))
        await scene.talk(switch, 0)
        await scene.relay.flow(outlet, server.flow(key=second))
        await scene.talk(switch, 1)
        one, other = server.datagrams()
        before, after = read(reader(first[0]), one), read(reader(second[0]), other)
        assert (before.payload, after.payload) == (switch.noise(0), switch.noise(1))
        assert before.source != after.source
        # How often the numbers went around must be clear from the first packet on (RFC 4568 section 6.4).
        assert max(before.sequence, after.sequence) < 1 << 15
        data, _ = await server.report()
        assert reader(first[0]).unprotect_rtcp(data).endswith(rtcp.bye(before.source))


@pytest.mark.parametrize("suite", Suite)
async def test_ffmpeg_hears_what_was_said(suite: Suite, tmp_path: Path) -> None:
    async with Scene() as scene:
        switch, outlet, (ours, theirs) = await scene.tap(), await scene.outlet(), pair(suite)
        free = Ports(SWITCH, 20_000, 29_999, random.getrandbits(16)).pair()
        port: int = free[0].getsockname()[1]
        for one in free:
            one.close()
        description = tmp_path / "call.sdp"
        description.write_text(
            f"v=0\r\no=- 1 1 IN IP4 {SWITCH}\r\ns=-\r\nc=IN IP4 {SWITCH}\r\nt=0 0\r\nm=audio {port} RTP/SAVP 0\r\n"
            f"a=crypto:1 {suite.value} inline:{b64encode(ours.key).decode()}\r\na=recvonly\r\n")
        ffmpeg = await asyncio.create_subprocess_exec(
            "ffmpeg", "-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,udp,rtp,srtp,crypto", "-i",
            str(description), "-t", "1", "-c", "copy", "-f", "mulaw", str(tmp_path / "heard"))
        over = asyncio.create_task(ffmpeg.wait())
        said = b""
        try:
            async with asyncio.timeout(40):
                await scene.relay.flow(outlet, Flow("1", SWITCH, port, port + 1, PCMU, key=(ours, theirs)))
                number = 0
                while not over.done():
                    await scene.talk(switch, number)
                    said += switch.noise(number)
                    number += 1
                    await asyncio.wait([over], timeout=TICK)
        finally:
            if not over.done():
                ffmpeg.kill()
            await over
        heard = (tmp_path / "heard").read_bytes()
        assert len(heard) >= 7_000
        # FFmpeg may drop packets where it begins; whatever it has is what was said.
        assert all(heard[at:at + 160] in said for at in range(0, len(heard), 160))

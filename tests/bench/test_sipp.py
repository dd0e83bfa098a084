"""sipp as a load: what its log says, and its calls on the real Asterisk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.ports import free_udp_port
from bench.sipp import Sipp, SippFailed, talks_in
from tests.asterisk import AsteriskServer


def line(at: float, way: str, identity: str, request: str, message: str) -> str:
    return f"2026-11-21\t13:15:50\t{at:.6f}\t{way}\t{identity}\tCSeq:{request}\t{message}\n"


def test_a_talk_is_set_up_from_its_first_invite_to_its_first_200() -> None:
    log = "".join([
        line(10.0, "S", "1-7@x", "1 INVITE", "INVITE sip:103@127.0.0.1 SIP/2.0"),
        line(10.1, "S", "2-7@x", "1 INVITE", "INVITE sip:103@127.0.0.1 SIP/2.0"),
        line(10.5, "S", "1-7@x", "1 INVITE", "INVITE sip:103@127.0.0.1 SIP/2.0"),
        line(10.6, "R", "1-7@x", "1 INVITE", "SIP/2.0 180 Ringing"),
        line(10.7, "R", "1-7@x", "1 INVITE", "SIP/2.0 200 OK"),
        line(10.8, "R", "1-7@x", "1 INVITE", "SIP/2.0 200 OK"),
        line(10.9, "R", "2-7@x", "1 INVITE", "SIP/2.0 486 Busy Here"),
        line(12.0, "R", "1-7@x", "2 BYE", "SIP/2.0 200 OK")])
    (talk,) = talks_in(log + "a line that was cut")
    assert talk.id == "1-7@x"
    assert talk.set_up == pytest.approx(0.7)


def test_a_port_for_audio_is_even() -> None:
    assert free_udp_port("127.0.0.1", room=2) % 2 == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskServer]:
    with AsteriskServer(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


@pytest.mark.asterisk
async def test_sipp_s_calls_are_answered(server: AsteriskServer, tmp_path: Path) -> None:
    async with Sipp(server, tmp_path) as sipp:
        talks = await sipp.calls(3, rate=10, seconds=0.5)
    assert len({talk.id for talk in talks}) == 3
    assert all(0 < talk.set_up < 10 for talk in talks)


@pytest.mark.asterisk
async def test_calls_that_are_refused_fail_the_round(server: AsteriskServer, tmp_path: Path) -> None:
    async with Sipp(server, tmp_path, number="999") as sipp:
        with pytest.raises(SippFailed, match="0 of 2 calls were answered, status 1"):
            await sipp.calls(2, rate=10, seconds=0.1)

"""What `phonograph check` says of recording servers: of a strict one, of an Asterisk, of nobody."""

from pathlib import Path

import pytest

from service.clock import SystemClock
from service.findings import Finding, Verdict
from service.siprec_check import examine
from service.siprec_settings import SiprecSettings
from tests.asterisk import AsteriskServer
from tests.recording_server import RecordingServer
from tests.rtpengine import Rtpengine


async def found(uri: str, **more: object) -> Finding:
    settings = SiprecSettings.model_validate({"servers": {"main": {"uri": uri, **more}}})
    (finding,) = [one async for one in examine(settings, SystemClock())]
    return finding


async def test_a_recording_server_that_answers_is_well(tmp_path: Path) -> None:
    async with RecordingServer(tmp_path) as server:
        finding = await found(server.uri)
    assert (finding.subject, finding.verdict, finding.said) == (
        "siprec: main", Verdict.OK, "It answers, and supports siprec.")


async def test_nobody_there_is_a_failure_with_a_remedy() -> None:
    finding = await found("sip:nobody@127.0.0.1:9;transport=tcp")
    assert finding.verdict is Verdict.FAIL
    assert "Look whether the recording server runs" in finding.remedy


async def test_a_password_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    finding = await found("sip:recorder@127.0.0.1:9", user="us", password_file=str(tmp_path / "none"))
    assert (finding.verdict, "cannot be read" in finding.said) == (Verdict.FAIL, True)


@pytest.mark.asterisk
async def test_a_server_that_does_not_know_us_is_a_failure(asterisk: AsteriskServer) -> None:
    finding = await found(f"sip:recorder@127.0.0.1:{asterisk.sip_port}")
    assert (finding.verdict, finding.said) == (Verdict.FAIL, "It asks for a password, and ours is not the one.")


async def test_without_servers_nothing_is_said() -> None:
    assert [one async for one in examine(SiprecSettings(), SystemClock())] == []


async def test_an_rtpengine_is_asked_whether_it_is_there(tmp_path: Path) -> None:
    async with Rtpengine("127.0.0.1", tmp_path / "log") as daemon:
        there = await relay(daemon)
    assert there.verdict is Verdict.OK
    finding = await relay(daemon)
    assert (finding.verdict, finding.said) == (Verdict.FAIL, "rtpengine does not answer.")


async def relay(daemon: Rtpengine) -> Finding:
    settings = SiprecSettings.model_validate({"rtpengine": f"{daemon.host}:{daemon.port}", "servers": {
        "main": {"uri": "sip:nobody@127.0.0.1:9;transport=tcp"}}})
    finding, _ = [one async for one in examine(settings, SystemClock())]
    return finding

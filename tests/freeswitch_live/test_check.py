"""What `phonograph check` says of a real FreeSWITCH."""

from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.phonograph import Phonograph

pytestmark = pytest.mark.freeswitch


def changed(service: Phonograph, old: str, new: str) -> Phonograph:
    """With another word in its settings."""
    text = service.file.read_text()
    assert old in text
    service.file.write_text(text.replace(old, new))
    return service


async def test_a_freeswitch_that_can_be_recorded_is_well_line_by_line(
        freeswitch: FreeSwitchServer, tmp_path: Path) -> None:
    status, told = await Phonograph(freeswitch, tmp_path, policy="record: audio\n").cli("check")
    assert status == 0, told
    assert "main: event socket" in told
    assert "FreeSWITCH Version" in told
    assert "all that recording needs are loaded" in told
    assert f"FreeSWITCH sees {freeswitch.recordings}" in told
    assert list(freeswitch.recordings.glob(".phonograph-check-*")) == []


async def test_a_wrong_password_is_said_and_not_repeated(freeswitch: FreeSwitchServer, tmp_path: Path) -> None:
    service = Phonograph(freeswitch, tmp_path, policy="record: audio\n")
    status, told = await changed(service, freeswitch.esl_password, "not-the-password").cli("check")
    assert status == 1
    assert "main: password" in told
    assert "not-the-password" not in told
    assert "Traceback" not in told


async def test_nobody_at_the_event_socket_is_said(freeswitch: FreeSwitchServer, tmp_path: Path) -> None:
    service = Phonograph(freeswitch, tmp_path, policy="record: audio\n")
    status, told = await changed(service, f"port: {freeswitch.esl_port}", "port: 1").cli("check")
    assert status == 1
    assert "main: event socket" in told
    assert "cannot be reached" in told


async def test_a_spool_that_freeswitch_does_not_see_is_said(freeswitch: FreeSwitchServer, tmp_path: Path) -> None:
    service = Phonograph(freeswitch, tmp_path, policy="record: audio\n")
    text = service.file.read_text()
    service.file.write_text(text.replace(f"spool: {freeswitch.recordings}", f"spool: {freeswitch.recordings}\n"
                                         "    spool_there: /nowhere/that/freeswitch/has"))
    status, told = await service.cli("check")
    assert status == 1
    assert "main: spool" in told
    assert "FreeSWITCH does not see the files" in told
    assert list(freeswitch.recordings.glob(".phonograph-check-*")) == []

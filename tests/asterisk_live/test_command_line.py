"""The command line beside a real service on a real Asterisk."""

import json
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, converse

pytestmark = pytest.mark.asterisk


async def test_check_finds_everything_well(asterisk: AsteriskServer, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    status, told = await service.cli("check")
    assert status == 0, told
    assert "FAIL" not in told


async def test_check_says_which_line_fails_and_what_to_do(asterisk: AsteriskServer, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    service.file.write_text(service.file.read_text().replace(asterisk.ari_password, "wrong"))
    status, told = await service.cli("check")
    assert status == 1
    assert "password" in told
    assert "Traceback" not in told


async def test_check_notices_a_spool_that_asterisk_does_not_write_into(
        asterisk: AsteriskServer, tmp_path: Path) -> None:
    (tmp_path / "another-spool").mkdir()
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    service.file.write_text(service.file.read_text().replace(str(asterisk.recordings), str(tmp_path / "another-spool")))
    status, told = await service.cli("check")
    assert status == 1
    assert "spool" in told


async def test_a_call_can_be_listed_shown_explained_and_replayed(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102", seconds=1.0)
        recording = str(talk.recording["id"])

        status, told = await service.cli("calls", "--json")
        assert status == 0
        assert json.loads(told)["calls"][0]["id"] == talk.row["id"]
        status, told = await service.cli("recordings", "path", recording)
        assert (status, told.strip()) == (0, talk.recording["mixed"])
        status, told = await service.cli("recordings", "show", recording)
        assert (status, recording in told) == (0, True)
        status, told = await service.cli("explain", str(talk.row["id"]))
        assert (status, "system" in told) == (0, True)
        status, told = await service.cli("replay", str(tmp_path / "journal" / f"{talk.row['id']}.jsonl"))
        assert status == 0, told
        # The spool has the files of other tests' calls, too.
        _, told = await service.cli("reconcile")
        assert recording not in told
        assert "1 had to be recorded and are over, 1 were, 0 were missed" in told

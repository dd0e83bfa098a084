"""What `phonograph check` says of the folders that Asterisk and we both write into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service import shared_folders
from service.findings import Finding, Verdict

STRANGER = 65_432
"""A user and a group that nobody has."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for name in ("spool", "spool/phonograph", "monitor"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o2770)
    return tmp_path / "spool"


def findings(spool: Path, audio_path: Path | None = None) -> dict[str, Finding]:
    return {finding.subject.removeprefix("main: "): finding
            for finding in shared_folders.examine("main", spool, audio_path)}


def test_a_folder_that_both_can_write_is_well(spool: Path) -> None:
    found = findings(spool)
    assert {subject: one.verdict for subject, one in found.items()} == {"phonograph/": Verdict.OK}
    assert os.listdir(spool / "phonograph") == []


def test_the_folder_of_the_taps_that_is_not_there_is_told_with_the_command_that_makes_it(spool: Path) -> None:
    (spool / "phonograph").rmdir()
    found = findings(spool)["phonograph/"]
    assert found.verdict is Verdict.NOTE
    assert f"-m 2770 {spool / 'phonograph'}`" in found.remedy


def test_one_that_we_cannot_write_fails_with_that_command(spool: Path) -> None:
    (spool / "phonograph").rmdir()
    (spool / "phonograph").write_text("no folder")
    found = findings(spool)["phonograph/"]
    assert found.verdict is Verdict.FAIL
    assert "install -d" in found.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(("mode", "shares_the_group", "verdict"), [
    (0o2770, True, Verdict.OK), (0o2750, True, Verdict.FAIL), (0o770, True, Verdict.FAIL),
    (0o2770, False, Verdict.FAIL)])
def test_one_that_we_made_is_well_if_asterisks_group_may_write_and_owns_what_comes(
        spool: Path, mode: int, shares_the_group: bool, verdict: Verdict) -> None:
    os.chown(spool, STRANGER, STRANGER)
    os.chown(spool / "phonograph", os.geteuid(), STRANGER if shares_the_group else os.getegid())
    (spool / "phonograph").chmod(mode)
    assert findings(spool)["phonograph/"].verdict is verdict


def test_where_confbridge_records_nothing_else_is_looked_at(spool: Path) -> None:
    found = findings(spool, spool.parent / "monitor")
    assert {subject: one.verdict for subject, one in found.items()} == dict.fromkeys(
        ("phonograph/", "adopted/", "audio_path"), Verdict.OK)


def test_adopted_files_are_nobody_elses(spool: Path) -> None:
    (spool / "adopted").mkdir()
    (spool / "adopted").chmod(0o755)
    found = findings(spool, spool.parent / "monitor")["adopted/"]
    assert (found.verdict, "chmod o-rwx" in found.remedy) == (Verdict.FAIL, True)
    (spool / "adopted").chmod(0o750)
    assert findings(spool, spool.parent / "monitor")["adopted/"].verdict is Verdict.OK


def test_a_monitor_folder_that_is_not_there_fails(spool: Path) -> None:
    found = findings(spool, spool.parent / "elsewhere")["audio_path"]
    assert (found.verdict, "No such file" in found.said) == (Verdict.FAIL, True)


def test_without_a_spool_nothing_is_said(tmp_path: Path) -> None:
    assert findings(tmp_path / "nowhere") == {}

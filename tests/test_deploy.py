"""The systemd units: systemd itself finds nothing wrong with them, and they keep to what a service of ours needs."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
EXPOSED_AT_MOST = 30
"""Of 100, as `systemd-analyze security` counts; a unit without any protection has 96."""

_COMMAND = re.compile(r"^ExecStart=/opt/phonograph/bin/(phonograph \w+)$", re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    (command,) = _COMMAND.findall(unit.read_text())
    shown = subprocess.run([sys.executable, "-m", "console.main", command.split()[1], "--help"], capture_output=True,
                           check=False)
    assert shown.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_starts_a_unit_again_however_long_its_database_is_away(unit: Path) -> None:
    """Unless it is told otherwise, it gives up after five starts within ten seconds (systemd.unit(5))."""
    asked = configparser.ConfigParser(interpolation=None)
    asked.read(unit)
    assert (asked["Service"]["Restart"], asked["Unit"]["StartLimitIntervalSec"]) == ("always", "0")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    checked = _installed(unit, tmp_path)
    found = _analyze("verify", "--man=no", str(checked))
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_can_do_little_else(unit: Path, tmp_path: Path) -> None:
    found = _analyze("security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", str(_installed(unit, tmp_path)))
    assert found.returncode == 0, found.stdout


def test_both_kinds_are_there() -> None:
    assert [unit.name for unit in UNITS] == ["phonograph-worker@.service", "phonograph.service"]


def _installed(unit: Path, folder: Path) -> Path:
    """The unit as it would be on a machine that has Phonograph: its command has to be there."""
    copy = folder / unit.name.replace("@", "@1")
    command = shutil.which("true")
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={command}", unit.read_text(), flags=re.MULTILINE))
    return copy


def _analyze(*words: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)

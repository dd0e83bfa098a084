"""The table of scenarios and switches at the end of a run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.freeswitch import HOW_TO_GET_ONE
from tests.servers import PROJECT

CONFTEST = """
import pytest
from tests.parity import Parity

def pytest_configure(config):
    config.pluginmanager.register(Parity(), "parity")

@pytest.fixture(params=["asterisk", "freeswitch"])
def exchange(request):
    if request.param == "freeswitch" and LACKING:
        pytest.skip("no FreeSWITCH")
    return request.param
"""

SCENARIOS = """
import pytest

def test_a_call_is_recorded(exchange):
    pass

def test_a_call_is_transferred(exchange):
    assert exchange == "asterisk"

@pytest.mark.parametrize("codec", ["PCMA", "G722"])
def test_a_codec(exchange, codec):
    pass

@pytest.fixture
def broken(exchange):
    yield
    assert exchange == "freeswitch"

def test_what_ends_badly(exchange, broken):
    pass

def test_something_else():
    pass
"""


def run(folder: Path, *options: str, lacking: bool, prefix: Path) -> list[str]:
    """The lines that pytest prints over two scenarios on two switches."""
    (folder / "conftest.py").write_text(f"LACKING = {lacking}\n{CONFTEST}")
    (folder / "test_recording.py").write_text(SCENARIOS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), str(folder),
         *options],
        cwd=PROJECT, env={**os.environ, "FREESWITCH_PREFIX": str(prefix)}, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def cells(lines: list[str], scenario: str) -> list[str]:
    """What stands beside a scenario."""
    (found,) = [line for line in lines if line.startswith(f"recording: {scenario}  ")]
    return re.split(r"  +", found)[1:]


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A folder with a FreeSWITCH, as far as anybody looks."""
    there = tmp_path / "prefix"
    (there / "bin").mkdir(parents=True)
    (there / "bin" / "freeswitch").touch(mode=0o700)
    return there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scenarios"
    made.mkdir()
    return made


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_each_scenario_has_a_row_with_what_was_seen_on_each_switch(
        folder: Path, prefix: Path, workers: tuple[str, ...]) -> None:
    lines = run(folder, *workers, lacking=False, prefix=prefix)
    assert cells(lines, "a call is recorded") == ["passed", "passed"]
    assert cells(lines, "a call is transferred") == ["passed", "failed"]
    assert cells(lines, "a codec [PCMA]") == cells(lines, "a codec [G722]") == ["passed", "passed"]
    assert cells(lines, "what ends badly") == ["failed", "passed"]
    assert not [line for line in lines if "something else" in line or HOW_TO_GET_ONE in line]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_what_was_not_run_says_how_to_get_a_freeswitch_in_one_line(
        folder: Path, tmp_path: Path, workers: tuple[str, ...]) -> None:
    lines = run(folder, *workers, lacking=True, prefix=tmp_path)
    assert cells(lines, "a call is recorded") == ["passed", "not run"]
    assert [line for line in lines if HOW_TO_GET_ONE in line] == [f"not run on freeswitch: {HOW_TO_GET_ONE}"]


def test_what_was_left_out_shows_as_not_run(folder: Path, prefix: Path) -> None:
    lines = run(folder, "-k", "freeswitch and recorded", lacking=False, prefix=prefix)
    assert cells(lines, "a call is recorded") == ["not run", "passed"]
    assert not [line for line in lines if HOW_TO_GET_ONE in line]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_the_closing_line_stays_the_last(folder: Path, prefix: Path, workers: tuple[str, ...]) -> None:
    *_, last = run(folder, "-v", *workers, lacking=False, prefix=prefix)
    assert re.fullmatch(r"=+ .* in [0-9.]+s.* =+", last)


def test_without_scenarios_there_is_no_table(folder: Path, prefix: Path) -> None:
    lines = run(folder, "-k", "something_else", lacking=False, prefix=prefix)
    assert not [line for line in lines if "switch by switch" in line]

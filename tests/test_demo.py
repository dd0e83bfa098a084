"""The demo to a recording server; and where no demo can run: a line that says what to do, and nothing is lost."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo import __main__ as demo
from demo import siprec
from tests.freeswitch import HOW_TO_GET_ONE
from tests.servers import PROJECT, ServerFault


async def test_without_a_freeswitch_it_says_how_to_get_one_and_fails(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "FREESWITCH_PREFIX": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo", "freeswitch", cwd=PROJECT, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    printed, said = await process.communicate()
    assert (process.returncode, printed, said.decode()) == (1, b"", f"{HOW_TO_GET_ONE}\n")


async def test_without_a_freeswitch_what_an_earlier_run_has_left_stays(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path))
    stage = demo.Stage(demo.STAGES["freeswitch"].server, "", tmp_path / "demo")
    monkeypatch.setitem(demo.STAGES, "freeswitch", stage)
    stage.folder.mkdir()
    (stage.folder / "report.json").touch()
    with pytest.raises(ServerFault, match=r"install 1\.10 or newer"):
        await demo.main("freeswitch")
    assert (stage.folder / "report.json").exists()


@pytest.mark.asterisk
async def test_the_last_line_says_who_was_heard_on_each_stream_in_the_pause_and_without_a_server(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(siprec, "FOLDER", tmp_path / "demo")
    status = await siprec.main()
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {label: one["heard"] for label, one in last["streams"].items()} == {"1": ["alice"], "2": ["bob"]}
    assert all(one["packets"] > 100 for one in last["streams"].values())
    assert last["pause"]["packets"] == {"1": 0, "2": 0}
    assert last["fallback"]["heard"] == {"left": ["alice"], "right": ["bob"]}
    assert (tmp_path / last["fallback"]["stereo"]).exists()
    assert last["recording"]["files"] == []
    assert status == 0, last
    assert json.loads((tmp_path / "demo" / "report.json").read_text()) == last


def _crossed(found: dict[str, Any]) -> None:
    found["streams"]["1"]["heard"] = ["bob"]


def _both_on_one(found: dict[str, Any]) -> None:
    found["streams"]["2"]["heard"] = ["bob", "alice"]


def _one_missing(found: dict[str, Any]) -> None:
    del found["streams"]["2"]


def _a_packet_in_the_pause(found: dict[str, Any]) -> None:
    found["pause"]["packets"]["2"] = 1


def _a_pause_that_nobody_confirmed(found: dict[str, Any]) -> None:
    found["pause"]["answer"] = "forced"


def _incomplete(found: dict[str, Any]) -> None:
    found["recording"]["state"] = "incomplete"


def _a_file_without_the_callee(found: dict[str, Any]) -> None:
    found["fallback"]["heard"]["right"] = []


@pytest.mark.parametrize("broken", [
    _crossed, _both_on_one, _one_missing, _a_packet_in_the_pause, _a_pause_that_nobody_confirmed, _incomplete,
    _a_file_without_the_callee])
def test_the_demo_fails_for_whatever_is_wrong(broken: Callable[[dict[str, Any]], None]) -> None:
    found = {"streams": {"1": {"packets": 9, "heard": ["alice"]}, "2": {"packets": 9, "heard": ["bob"]}},
             "pause": {"answer": "confirmed", "packets": {"1": 0, "2": 0}}, "recording": {"state": "ready"},
             "fallback": {"heard": {"left": ["alice"], "right": ["bob"]}}}
    assert siprec.as_it_should_be(found)
    broken(found)
    assert not siprec.as_it_should_be(found)

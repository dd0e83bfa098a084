"""The demo where it cannot run: a line that says what to do, and nothing is lost."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from demo import __main__ as demo
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

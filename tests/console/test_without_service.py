"""The commands that need no running service: check, policy explain, replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.console.running import cli, settings
from tests.service.fakes import Story
from tests.service.test_journal import Life, recorded_call


def test_check_says_a_line_for_everything_and_what_to_do(tmp_path: Path) -> None:
    result = cli(settings(tmp_path), "check")
    assert result.exit_code == 1
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines if "main: ARI" in line] == ["FAIL"]
    assert any(line.startswith("ok    policy:") for line in lines)
    assert "-> Check that the switch runs" in result.stdout


def test_check_says_what_is_wrong_in_the_settings_with_line_and_key(tmp_path: Path) -> None:
    result = cli(settings(tmp_path, log_level="loud"), "check", "--json")
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["verdict"] == "FAIL"
    assert "log_level: is not a value for this key" in finding["said"]
    assert result.exit_code == 1


def test_check_makes_nothing(tmp_path: Path) -> None:
    file = settings(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    cli(file, "check")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("words", "said"), [
    (["--caller", "alice"], "recorded (rule: system, internal call)"),
    (["--caller", "alice@example.com", "--callee", "bob"], "recorded (rule: system, internal call)"),
    (["--caller", "4930", "--from-trunk", "trunk"], "not recorded (rule: recordIncomingPSTN, inbound call)"),
    (["--caller", "alice", "--to-trunk", "trunk"], "recorded (rule: system, outbound call)"),
])
def test_policy_explain_decides_from_the_files(tmp_path: Path, words: list[str], said: str) -> None:
    result = cli(settings(tmp_path), "policy", "explain", *words)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == said


def test_policy_explain_says_that_a_trunk_is_unknown(tmp_path: Path) -> None:
    result = cli(settings(tmp_path), "policy", "explain", "--caller", "a", "--from-trunk", "x\x1b")
    assert r"The policy knows no trunk x\x1b." in result.stdout


def test_replay_says_that_the_same_came_out(tmp_path: Path) -> None:
    life = Life(tmp_path)
    call = recorded_call(life, Story())
    life.files.stop()
    result = cli(tmp_path / "none.yaml", "replay", str(life.files.path(call)))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "the same came out"


def test_replay_says_where_something_else_came_out(tmp_path: Path) -> None:
    life = Life(tmp_path)
    call = recorded_call(life, Story())
    life.files.stop()
    path = life.files.path(call)
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "TapUp" not in line) + "\n")
    result = cli(tmp_path / "none.yaml", "replay", str(path), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["differences"]


def test_replay_refuses_what_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello\n")
    result = cli(tmp_path / "none.yaml", "replay", str(tmp_path / "x"))
    assert result.exit_code == 1
    assert "[service.journal]" in result.stderr

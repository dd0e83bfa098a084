"""The command line against a real service on a real local socket."""

from __future__ import annotations

import json
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.main import main
from tests.console.running import ALICE, EVE, FINISHED, SKIPPED, Running, cli, fill, settings, start


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("s")
    fill(folder)
    running = Running(folder)
    yield running
    running.stop()


def test_calls_are_listed_newest_first_with_their_rule_and_outcome(service: Running) -> None:
    said = cli(service.file, "calls").stdout.splitlines()
    assert said[0].split() == ["began", "caller", "callee", "direction", "rule", "state", "outcome", "call"]
    assert said[-1].endswith(SKIPPED.id)
    assert "not_wanted" in said[-1]


def test_json_may_be_asked_for_before_or_after_the_command(service: Running) -> None:
    before, after = cli(service.file, "--json", "calls").stdout, cli(service.file, "calls", "--json").stdout
    assert before == after
    assert {call["id"] for call in json.loads(after)["calls"]} == {ALICE.id, EVE.id, SKIPPED.id}


def test_the_settings_may_be_named_after_the_command(service: Running) -> None:
    assert CliRunner().invoke(main, ["calls", "-c", str(service.file)]).exit_code == 0


def test_a_list_can_be_narrowed(service: Running) -> None:
    assert EVE.id not in cli(service.file, "calls", "--party", "alice@example.com").stdout
    assert ALICE.id not in cli(service.file, "calls", "--outcome", "not_wanted").stdout


def test_no_name_reaches_the_terminal_as_a_control_character(service: Running) -> None:
    for words in (["calls"], ["recordings", "list"], ["recordings", "show", EVE.recordings[0].id],
                  ["explain", EVE.id], ["calls", "--json"]):
        said = cli(service.file, *words).stdout
        assert not any(sign in said for sign in "\x1b\u202e")
    row = next(line for line in cli(service.file, "calls").stdout.splitlines() if EVE.id in line)
    assert r'Eve\x1b[31m "x"\x0a\u202e🙂' in row


def test_recordings_are_listed_shown_and_found(service: Running) -> None:
    assert FINISHED in cli(service.file, "recordings", "list", "--state", "ready").stdout
    assert "8.0 s" in cli(service.file, "recordings", "show", FINISHED).stdout
    assert cli(service.file, "recordings", "path", FINISHED).stdout == f"{service.folder / 'out' / 'alice.wav'}\n"
    assert json.loads(cli(service.file, "recordings", "path", FINISHED, "--kind", "manifest", "--json").stdout) == {
        "manifest": str(service.folder / "out" / "alice.json")}


def test_a_file_that_is_not_made_yet_is_no_path(service: Running) -> None:
    result = cli(service.file, "recordings", "path", EVE.recordings[0].id)
    assert result.exit_code == 1
    assert "has no mixed file" in result.stderr


def test_an_unknown_id_is_said_with_what_to_do(service: Running) -> None:
    result = cli(service.file, "recordings", "show", "../calls")
    assert result.exit_code == 1
    assert "[service.not-found]" in result.stderr


def test_a_fault_in_json_has_its_id(service: Running) -> None:
    result = cli(service.file, "--json", "explain", "nobody")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["fault"]["id"] == "service.not-found"


def test_a_call_without_a_journal_is_told_from_the_ledger(service: Running) -> None:
    said = cli(service.file, "explain", ALICE.id).stdout
    assert "from alice@example.com to bob@example.com" in said
    assert "Policy decided by system" in said
    assert "is ready, 8.0 s" in said


def test_a_request_about_a_call_that_is_over_is_refused(service: Running) -> None:
    result = cli(service.file, "pause", ALICE.id)
    assert result.exit_code == 1
    assert "No call that goes on" in result.stderr


def test_reconcile_names_the_files_that_are_not_there_and_those_that_nobody_knows(service: Running) -> None:
    stray = service.folder / "spool" / "phonograph" / f"{'0' * 8}-0000-5000-8000-{'0' * 12}.0-in.wav"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"")
    days = str((time.time() - 1_795_000_000) / 86_400 + 10)
    result = cli(service.file, "reconcile", "--days", days, "--json")
    assert result.exit_code == 1
    found = {(one["kind"], one["what"]) for one in json.loads(result.stdout)["discrepancies"]}
    assert ("no_row", str(stray)) in found
    assert ("no_file", FINISHED) in found


def test_a_policy_that_does_not_parse_keeps_the_running_one(service: Running) -> None:
    policy = service.folder / "policy.yaml"
    good = policy.read_text()
    policy.write_text("record: everything\n")
    result = cli(service.file, "policy", "reload")
    policy.write_text(good)
    assert result.exit_code == 1
    assert "policy.yaml:1: record:" in result.stderr
    assert "[config.policy]" in result.stderr
    assert cli(service.file, "policy", "reload").exit_code == 0


def test_the_socket_is_its_owners_alone(service: Running) -> None:
    assert stat.S_IMODE((service.folder / "s").stat().st_mode) == 0o600


def test_a_second_service_is_refused(service: Running) -> None:
    status, said = start(service.file)
    assert status == 1
    assert "[service.already-running]" in said


def test_sigterm_ends_it_well_and_takes_the_socket_away(tmp_path: Path) -> None:
    running = Running(tmp_path)
    assert running.stop() == 0
    assert not (tmp_path / "s").exists()
    assert "phonograph has stopped" in (tmp_path / "service.log").read_text()


def test_sighup_loads_the_policy_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path)
    (tmp_path / "policy.yaml").write_text("recrod: all\n")
    running.signal(signal.SIGHUP)
    while "policy not loaded" not in (tmp_path / "service.log").read_text():
        assert running.process.poll() is None
        time.sleep(0.02)
    assert running.stop() == 0


def test_a_service_that_does_not_run_is_said_so(tmp_path: Path) -> None:
    result = cli(settings(tmp_path), "calls")
    assert result.exit_code == 1
    assert "[service.not-running]" in result.stderr


@pytest.mark.parametrize(("key", "value", "fault"), [
    ("fileformat", '"{{yaer}}"', "config.name-template"), ("policy", "none.yaml", "config.policy"),
    ("log_level", "loud", "config.settings"),
])
def test_a_wrong_setting_is_refused_at_the_start(tmp_path: Path, key: str, value: str, fault: str) -> None:
    status, said = start(settings(tmp_path, **{key: value}))
    assert status == 1
    assert f"[{fault}]" in said


def test_a_spool_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    file = settings(tmp_path)
    (tmp_path / "spool").rmdir()
    status, said = start(file)
    assert status == 1
    assert "[config.spool]" in said


def test_a_command_that_does_not_exist_is_a_wrong_command_line(tmp_path: Path) -> None:
    assert cli(settings(tmp_path), "record").exit_code == 2

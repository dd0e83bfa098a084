"""What comes after the hangup is made from the settings, or the service says at its start what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from faults import EncryptionUnusable, StepUnusable
from processing.encryption import look
from service import checks, storage
from service.findings import Finding, Verdict
from service.pipeline import build
from service.settings import Settings
from service.settings_file import load
from tests import keys
from tests.keys import Listener

NOW = 1_795_000_000.0
MAIL = "listener@voice.example"
OURS = ["erase", "verify", "compose", "name", "manifest", "store"]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with keys.listener() as found:
        found.make(MAIL)
        yield found


SWITCH = "switches: {main: {user: a, password: b}}"


def settings(folder: Path, *lines: str, switch: str = SWITCH) -> Settings:
    file = folder / "phonograph.yaml"
    paths = [f"{name}: {folder / name}" for name in ("journal_path", "work_path", "destination_path", "ledger")]
    file.write_text("\n".join([switch, f"socket: {folder / 'socket'}", *paths, *lines]))
    return load(file, {})


def made(of: Settings) -> list[str]:
    built = build(of, storage.stores(of), lambda: NOW)
    return [step.name for step in built.steps]


def looked_at(of: Settings, subject: str) -> Finding:
    return next(finding for finding in checks.examine(of, NOW) if finding.subject == subject)


def test_without_any_setting_nothing_is_encrypted_and_no_step_is_added(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert made(settings(tmp_path)) == OURS
    assert [line["event"] for line in logs] == ["encryption is off", "names of finished files"]


def test_with_a_key_recordings_are_encrypted_before_their_manifest_is_written(
        tmp_path: Path, listener: Listener) -> None:
    (tmp_path / "key").write_bytes(listener.public(MAIL))
    of = settings(tmp_path, "should_encrypt: true", "encryption_key: key", f"encryption_mail: {MAIL}")
    with capture_logs() as logs:
        assert made(of) == [*OURS[:4], "encrypt", *OURS[4:]]
    assert (logs[0]["event"], logs[0]["key"]) == ("encryption is on", listener.fingerprint(MAIL))
    found = looked_at(of, "encryption")
    assert (found.verdict, listener.fingerprint(MAIL) in found.said) == (Verdict.OK, True)


def test_a_key_that_cannot_be_used_stops_the_start_and_fails_the_check(tmp_path: Path) -> None:
    of = settings(tmp_path, "should_encrypt: true", "encryption_key: nowhere")
    with pytest.raises(EncryptionUnusable):
        made(of)
    assert looked_at(of, "encryption").verdict is Verdict.FAIL


def test_a_key_that_will_soon_expire_is_noted(tmp_path: Path, listener: Listener) -> None:
    (tmp_path / "key").write_bytes(listener.public(listener.make("short@voice.example", lasts="20d")))
    of = settings(tmp_path, "should_encrypt: true", "encryption_key: key")
    expires = look(tmp_path / "key", "", tmp_path / "rings", NOW).expires
    assert expires is not None
    (found,) = (one for one in checks.examine(of, expires - 86_400.0) if one.subject == "encryption")
    assert (found.verdict, "which expires on" in found.said) == (Verdict.NOTE, True)


def test_the_check_leaves_no_key_ring(tmp_path: Path, listener: Listener) -> None:
    (tmp_path / "key").write_bytes(listener.public(MAIL))
    looked_at(settings(tmp_path, "should_encrypt: true", "encryption_key: key"), "encryption")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "phonograph.yaml"]


def test_a_spool_in_which_nothing_can_be_deleted_fails_the_check_only_where_something_will_be(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taps = tmp_path / "spool" / "phonograph"
    taps.mkdir(parents=True)
    switch = f"switches: {{main: {{user: a, password: b, spool: {tmp_path / 'spool'}}}}}"
    of, off = (settings(tmp_path, f"clean_temporary_files: {word}", switch=switch) for word in ("true", "false"))
    assert looked_at(of, "main: cleaning").verdict is Verdict.OK
    monkeypatch.setattr(os, "access", lambda path, _mode: path != taps)
    found = looked_at(of, "main: cleaning")
    assert (found.verdict, str(taps) in found.said) == (Verdict.FAIL, True)
    assert not [finding for finding in checks.examine(off, NOW) if finding.subject == "main: cleaning"]


def test_steps_of_ones_own_come_last_in_their_order(tmp_path: Path) -> None:
    of = settings(tmp_path, "steps:", "  second: {command: [/bin/true]}", "  first: {command: [/bin/true], timeout: 5}")
    assert made(of) == [*OURS, "second", "first"]
    assert looked_at(of, "steps.first").verdict is Verdict.OK


@pytest.mark.parametrize("step", ["{command: [/nowhere/program]}", "{use: nothing}"])
def test_a_step_that_cannot_run_stops_the_start_and_fails_the_check(tmp_path: Path, step: str) -> None:
    of = settings(tmp_path, "steps:", f"  mine: {step}")
    with pytest.raises(StepUnusable):
        made(of)
    assert looked_at(of, "steps.mine").verdict is Verdict.FAIL

"""Jobs go on whose steps are not those that they were begun with: an update, or other settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ledger import calls, jobs
from ledger.jobs import JobState
from ledger.tables import Json
from processing.document import manifest
from processing.step import Context, Facts
from processing.steps.compose import Layout
from recorder.states import RecordingState
from tests.keys import Listener
from tests.processing.scene import Scene

BASE = "2023/"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path / "scene")
    made.record()
    made.enqueue()
    return made


def stop_at(scene: Scene, point: str) -> None:
    """Work until that point, as a service that is stopped."""
    ledger = scene.ledger()

    def stopping(name: str) -> None:
        if name == point:
            worker.stop()

    worker = scene.worker(ledger, checkpoint=stopping)
    worker.work_once()
    ledger.close()


def as_an_earlier_version(scene: Scene, *, step: str) -> None:
    """Bring the job to where the version before this one left it: with a step ``publish``, and without ``store``."""
    stop_at(scene, "name: committed")
    job = scene.job()
    facts = dict(job.facts)
    composed = cast(dict[str, Any], facts["compose"]["files"])
    for made in composed.values():
        made.pop("track")
    base = facts["name"]["base"]
    published = {"mixed": f"{base}.wav", "stereo": f"{base}-stereo.wav"}
    if step != "publish":
        document = manifest(scene.call, scene.call.recordings[0], facts, published)
        document.pop("schema")
        facts["publish"] = {"files": cast(dict[str, Json], published), "manifest": document}
        for kind, name in published.items():
            target = scene.places.destination / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(scene.places.work / composed[kind]["path"])
    if step == "end":
        text = json.dumps(facts["publish"]["manifest"], indent=2, ensure_ascii=False) + "\n"
        (scene.places.destination / f"{base}.json").write_text(text)
        facts["manifest"] = {"path": f"{base}.json"}
    ledger = scene.ledger()
    with ledger.transaction() as connection:
        held = jobs.claim(connection, "the earlier version", scene.clock.now, 60.0)
        assert held is not None
        held = jobs.advance(connection, held, facts, step, scene.clock.now, 60.0)
        jobs.release(connection, held, scene.clock.now)
    ledger.close()


@pytest.mark.parametrize("step", ["publish", "manifest", "end", "end, cleaned"])
def test_a_job_of_an_earlier_version_is_finished(scene: Scene, step: str) -> None:
    as_an_earlier_version(scene, step=step.partition(",")[0])
    if "cleaned" in step:
        shutil.rmtree(scene.work)
    before = {name: path.read_bytes() for name, path in scene.visible().items()}
    assert len(before) == {"publish": 0, "manifest": 2}.get(step, 3)
    scene.finish()
    after = {name: path.read_bytes() for name, path in scene.visible().items()}
    assert sorted(after) == [f"{BASE}{scene.recording}{ending}" for ending in ("-stereo.wav", ".json", ".wav")]
    assert {name: after[name] for name in before} == before
    kept = scene.kept()
    assert (kept.recording.state, kept.files["stereo"], scene.job().state) == (
        RecordingState.READY, f"{BASE}{scene.recording}-stereo.wav", JobState.DONE)


def test_what_an_earlier_version_published_is_not_encrypted_afterwards(
        scene: Scene, tmp_path: Path, listener: Listener) -> None:
    as_an_earlier_version(scene, step="manifest")
    scene.key = tmp_path / "key"
    scene.key.write_bytes(listener.public("listener@voice.example"))
    scene.finish()
    assert (scene.kept().recording.state, len(scene.visible())) == (RecordingState.READY, 3)


@pytest.mark.parametrize("point", ["verify: committed", "name: committed", "manifest: committed"])
def test_encryption_that_is_turned_on_meanwhile_is_done(
        scene: Scene, tmp_path: Path, listener: Listener, point: str) -> None:
    stop_at(scene, point)
    scene.key = tmp_path / "key"
    scene.key.write_bytes(listener.public("listener@voice.example"))
    scene.finish()
    assert len(scene.visible()) == 3
    assert all(name.endswith(".gpg") for name in scene.visible())


def test_encryption_that_is_turned_off_after_it_was_done_needs_a_word_of_somebody(
        scene: Scene, tmp_path: Path, listener: Listener) -> None:
    scene.key = tmp_path / "key"
    scene.key.write_bytes(listener.public("listener@voice.example"))
    stop_at(scene, "encrypt: committed")
    scene.key = None
    scene.finish(attempts=1)
    assert (scene.job().fault or {})["id"] == "processing.encryption"
    assert scene.visible() == {}
    scene.retry()
    scene.finish()
    assert sorted(path.suffix for path in scene.visible().values()) == [".json", ".wav", ".wav"]


def test_a_manifest_that_was_settled_is_not_settled_again_by_a_retry(scene: Scene) -> None:
    taken = scene.places.destination / f"{BASE}{scene.recording}.json"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"not ours")
    scene.finish(attempts=1)
    settled = cast(dict[str, Any], scene.job().facts["manifest"])["sha256"]
    taken.unlink()
    _change_the_call(scene, lambda call: replace(call, reason="something that came later"))
    scene.retry()
    scene.finish()
    assert cast(dict[str, Any], scene.job().facts["manifest"])["sha256"] == settled


def test_a_retry_with_other_files_describes_those(scene: Scene) -> None:
    taken = scene.places.destination / f"{BASE}{scene.recording}.json"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"not ours")
    scene.finish(attempts=1)
    taken.unlink()
    scene.layouts = frozenset(Layout)
    scene.retry()
    scene.finish()
    assert len(scene.manifest()["files"]) == 4


def _change_the_call(scene: Scene, change: Callable[[Any], Any]) -> None:
    ledger = scene.ledger()
    with ledger.transaction() as connection:
        calls.save(connection, [change(calls.load(connection, scene.id))], scene.clock.now)
    ledger.close()


class Never:
    """A step that must not run."""

    name = "never"
    lasting = True

    def run(self, context: Context) -> Facts:
        raise AssertionError


def test_a_step_that_is_added_when_the_recording_is_finished_does_not_run(
        scene: Scene, tmp_path: Path, listener: Listener) -> None:
    scene.key = tmp_path / "key"
    scene.key.write_bytes(listener.public("listener@voice.example"))
    scene.plaintext_after = 2_000.0
    scene.finish()
    assert scene.job().step == "clean"
    scene.own = (Never(),)
    scene.clock.now += 2_000.0
    scene.finish()
    assert (scene.job().state, scene.leftovers()) == (JobState.DONE, [])

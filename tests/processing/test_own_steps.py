"""Steps of the administrator's own, that an installed package offers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import StepUnusable
from ledger.jobs import JobState
from processing.steps.own import Own
from recorder.states import RecordingState
from tests.processing.scene import Scene

_CODE = '''
import sys

class Count:
    runs = 0

    def __init__(self, options):
        self.word = options["word"]

    def run(self, context):
        Count.runs += 1
        if self.word == "break" and Count.runs < 3:
            raise ValueError("1234567")
        if self.word == "leave":
            sys.exit(3)
        if self.word == "no network":
            raise ConnectionRefusedError(111, "Connection refused")
        if self.word == "nonsense":
            return {"made": object()}
        return {"said": self.word, "recording": context.recording.id, "files": sorted(context.facts["store"]["files"])}


def no_step(options):
    return None
'''
_OFFERED = "[phonograph.steps]\ncount = counting:Count\nnone = counting:no_step\nmissing = counting:Missing\n"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that is installed."""
    site = tmp_path / "site"
    (site / "counting-1.dist-info").mkdir(parents=True)
    (site / "counting.py").write_text(_CODE)
    (site / "counting-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1\n")
    (site / "counting-1.dist-info" / "entry_points.txt").write_text(_OFFERED)
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("counting", None)


def scene_with(folder: Path, word: str) -> Scene:
    made = Scene(folder / "scene", own=(Own.load("mine", "count", {"word": word}),))
    made.record()
    made.enqueue()
    return made


def test_it_runs_when_all_is_stored_and_the_ledger_keeps_what_it_found(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, "hello")
    scene.finish()
    assert scene.job().facts["mine"] == {"said": "hello", "recording": scene.recording,
                                         "files": ["manifest", "mixed", "stereo"]}
    assert scene.kept().recording.state is RecordingState.READY


def test_one_that_breaks_is_a_fault_that_names_it_and_nothing_of_its_words(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, "break")
    scene.finish(attempts=1)
    fault = scene.job().fault
    assert fault is not None
    assert (fault["id"], fault["message"]) == ("processing.step.own", "The step mine raised ValueError.")
    assert scene.kept().recording.state is RecordingState.FAILED
    assert sorted(scene.kept().files) == ["manifest", "mixed", "stereo"]
    assert sorted(path.name for path in scene.spool.rglob("*.wav")) == ["in.wav", "out.wav"]
    assert {path.name for path in scene.work.rglob("*.wav")} == {"mixed.wav", "stereo.wav"}


def test_a_retry_goes_on_with_it_and_makes_nothing_anew(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, "break")
    for _ in range(2):
        scene.finish(attempts=2)
    assert (scene.job().state, scene.job().step) == (JobState.FAILED, "mine")
    scene.retry()
    ledger = scene.ledger()
    names: list[str] = []
    scene.worker(ledger, checkpoint=names.append).work_once()
    ledger.close()
    assert names[:3] == ["claimed", "mine: ran", "mine: committed"]
    assert scene.kept().recording.state is RecordingState.READY


@pytest.mark.parametrize(("word", "said"), [("leave", "SystemExit"), ("no network", "ConnectionRefusedError")])
def test_one_that_leaves_or_finds_no_network_does_no_more_than_fail(tmp_path: Path, word: str, said: str) -> None:
    scene = scene_with(tmp_path, word)
    scene.finish(attempts=1)
    assert (scene.job().fault or {})["message"] == f"The step mine raised {said}."


def test_what_is_no_json_is_a_fault(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, "nonsense")
    scene.finish(attempts=1)
    assert (scene.job().fault or {})["message"] == "The step mine gave back no mapping of JSON values."


@pytest.mark.parametrize(("use", "options", "said"), [
    ("other", {}, "No installed package offers the step other"),
    ("missing", {}, "cannot be imported: AttributeError"),
    ("count", {}, "refuses its options: KeyError"),
    ("none", {}, r"has no run\(context\)"),
])
def test_one_that_cannot_be_made_is_refused_at_the_start(use: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(StepUnusable, match=said):
        Own.load("mine", use, options)


def test_a_step_that_was_taken_out_of_the_settings_is_passed_over(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, "break")
    scene.finish(attempts=1)
    scene.own = ()
    scene.retry()
    scene.finish()
    assert (scene.kept().recording.state, scene.job().state) == (RecordingState.READY, JobState.DONE)

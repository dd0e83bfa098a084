"""What lies in a pause goes out of the switch's own files, and nothing else does."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from ledger import recordings
from processing.step import Context
from processing.steps.erase import Erase
from recorder.model import Direction, Pause, TrackFile
from recorder.states import PauseState, RecordingState
from tests.processing.crashing import killed_at, points
from tests.processing.scene import BEGAN, RATE, Scene, noise, samples_of, wav_bytes

EARLY = RATE // 50
IN = "pbx/in.wav"


def pause(start: float, stop: float | None) -> Pause:
    """A pause in which the tap went on, in seconds since the call began."""
    return Pause(owner="agent", actor="operator", reason="", state=PauseState.FORCED, asked=BEGAN + start,
                 resumed=None if stop is None else BEGAN + stop)


def scene_with(folder: Path, *pauses: Pause) -> Scene:
    made = Scene(folder)
    made.record()
    made.call = replace(made.call, pauses=pauses)
    return made


def run(scene: Scene) -> Any:
    """The step's facts."""
    return Erase().run(Context(call=scene.call, recording=scene.call.recordings[0], facts={}, places=scene.places,
                               folder=scene.work / "worker", checkpoint=lambda _: None))


def without(*spans: tuple[int, int]) -> NDArray[np.int16]:
    audio = noise(4, 1)
    for low, high in spans:
        audio[low:high] = 0
    return audio


def heard(scene: Scene) -> NDArray[np.int16]:
    return samples_of(scene.spool / IN)[:, 0]


@pytest.mark.parametrize(("pauses", "spans"), [
    ([pause(1, 2)], [(RATE - EARLY, 2 * RATE)]),
    ([pause(3, None)], [(3 * RATE - EARLY, 4 * RATE)]),
    ([pause(-1, 1)], [(0, RATE)]),
    ([pause(-1, None)], [(0, 4 * RATE)]),
    ([pause(1, 1.5), pause(3, 9)], [(RATE - EARLY, round(1.5 * RATE)), (3 * RATE - EARLY, 4 * RATE)]),
    ([pause(1, 3), pause(2, 2.5)], [(RATE - EARLY, 3 * RATE)]),
    ([pause(2, 1)], [(RATE - EARLY, 2 * RATE)]),
], ids=["inside", "never given back", "begun before", "all", "two", "one in another", "clock stepped back"])
def test_what_lies_in_a_pause_is_silent_and_the_rest_untouched(
        tmp_path: Path, pauses: list[Pause], spans: list[tuple[int, int]]) -> None:
    scene = scene_with(tmp_path, *pauses)
    facts = run(scene)
    assert np.array_equal(heard(scene), without(*spans))
    assert [(file["path"], file["spans"]) for file in facts["files"]] == [
        (path, [list(span) for span in spans]) for path in (IN, "pbx/out.wav")]
    assert facts["reasons"] == []


@pytest.mark.parametrize("outside", [pause(-2, -1), pause(4.5, 5), pause(5, None), pause(3.96, 9), pause(3.96, None)],
                         ids=["before", "after", "after, open", "ended with its beginning", "the same, open"])
def test_a_file_with_nothing_of_a_pause_is_not_written(
        tmp_path: Path, outside: Pause, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_with(tmp_path, outside)
    refuse_writing(monkeypatch)
    before = (scene.spool / IN).stat()
    assert run(scene) == {"files": [], "reasons": []}
    assert (scene.spool / IN).stat() == before


def test_run_again_it_writes_nothing_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_with(tmp_path, pause(1, 2))
    facts = run(scene)
    refuse_writing(monkeypatch)
    monkeypatch.setattr(os, "replace", refused)
    assert run(scene) == facts
    assert facts["reasons"] == []


def test_where_nobody_saw_the_taps_end_the_file_says_how_long_it_was(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, pause(3, None))
    scene.with_segment(ended=None)
    run(scene)
    assert np.array_equal(heard(scene), without((3 * RATE - EARLY, 4 * RATE)))


def test_in_a_file_of_a_killed_switch_the_audio_is_found_and_the_header_stays(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, pause(1, None))
    path = scene.spool / IN
    broken = bytearray(path.read_bytes())
    broken[4:8] = broken[40:44] = bytes(4)
    path.write_bytes(bytes(broken) + b"\x07")
    run(scene)
    kept = 44 + 2 * (RATE - EARLY)
    assert path.read_bytes() == bytes(broken[:kept]) + bytes(len(broken) - kept) + b"\x07"


def test_both_tracks_of_one_file_are_silenced(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, pause(1, 2))
    scene.write("both.wav", wav_bytes(np.stack([noise(4, 1), noise(4, 2)], axis=1)))
    scene.with_segment(files=(TrackFile(direction=Direction.IN, path="both.wav", channel=0),
                              TrackFile(direction=Direction.OUT, path="both.wav", channel=1)))
    assert len(run(scene)["files"]) == 1
    audio = samples_of(scene.spool / "both.wav")
    assert not audio[RATE - EARLY:2 * RATE].any()
    assert np.array_equal(audio[2 * RATE:], np.stack([noise(4, 1), noise(4, 2)], axis=1)[2 * RATE:])


def refused(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def refuse_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are there already may be read only, also by root."""
    opening = Path.open

    def reading(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if "+" in mode:
            refused()
        return opening(path, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", reading)


def test_a_file_that_may_not_be_written_is_replaced_by_a_clean_copy(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_with(tmp_path, pause(1, 2))
    path = scene.spool / IN
    path.chmod(0o664)
    left = scene.write("pbx/.in.wav.killed.part", b"what a killed worker had written")
    before = path.stat()
    refuse_writing(monkeypatch)
    assert run(scene)["reasons"] == []
    after = path.stat()
    assert (after.st_ino != before.st_ino, after.st_mode, after.st_size) == (True, before.st_mode, before.st_size)
    assert np.array_equal(heard(scene), without((RATE - EARLY, 2 * RATE)))
    assert not left.exists()
    assert sorted(file.name for file in path.parent.iterdir()) == ["in.wav", "out.wav"]


def test_where_neither_is_allowed_the_recording_is_incomplete_and_says_why(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_with(tmp_path, pause(1, 2))
    refuse_writing(monkeypatch)
    monkeypatch.setattr(os, "replace", refused)
    scene.enqueue()
    with capture_logs() as logged:
        scene.finish()
    reasons = [f"What was said in a pause is still in {path}: this user may not write there."
               for path in (IN, "pbx/out.wav")]
    document = scene.manifest()
    assert (document["state"], document["reasons"]) == ("incomplete", reasons)
    assert [file["erased"] for file in document["segments"][0]["files"]] == [0, 0]
    (line,) = [line for line in logged if line["log_level"] == "error"]
    assert (line["files"], "write into their folder" in line["remedy"]) == ([IN, "pbx/out.wav"], True)
    assert np.array_equal(heard(scene), noise(4, 1))
    assert sorted(file.name for file in (scene.spool / "pbx").iterdir()) == ["in.wav", "out.wav"]


def test_the_manifest_says_how_much_and_it_is_no_gap(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, pause(1, 2))
    scene.enqueue()
    scene.finish()
    document = scene.manifest()
    assert (document["state"], document["gaps"]) == ("ready", [])
    assert [file["erased"] for file in document["segments"][0]["files"]] == [RATE + EARLY] * 2


def test_what_was_erased_does_not_speak_for_a_track_that_is_only_fill(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, pause(2, None))
    audio = noise(4, 1)
    audio[:2 * RATE] = 0
    scene.write(IN, wav_bytes(audio))
    scene.enqueue()
    scene.finish()
    ledger = scene.ledger()
    with ledger.reading() as connection:
        kept = recordings.get(connection, scene.recording).recording
    ledger.close()
    assert kept.state is RecordingState.INCOMPLETE
    document = scene.manifest()
    assert [finding["id"] for finding in document["tracks"][0]["findings"]] == ["only-fill"]
    assert [(gap["startTime"][-7:], gap["stopTime"][-7:]) for gap in document["gaps"]] == [("20.000Z", "21.980Z")]


def test_a_tap_that_ran_in_the_pause_alone_leaves_no_doubt_about_its_silence(tmp_path: Path) -> None:
    scene = scene_with(tmp_path, pause(-1, None))
    scene.enqueue()
    scene.finish()
    assert (scene.manifest()["state"], scene.manifest()["gaps"]) == ("ready", [])


def test_killed_at_any_point_of_it_the_next_worker_comes_to_the_same_end(tmp_path: Path) -> None:
    def paused(name: str) -> Scene:
        scene = scene_with(tmp_path / name, pause(1, 2))
        scene.enqueue()
        return scene

    names = points(paused("whole"))
    numbers = [number for number, name in enumerate(names) if name.startswith(("erase", "verify"))]
    assert [names[number] for number in numbers] == [
        "erase: erased .wav", "erase: erased .wav", "erase: ran", "verify: ran", "verify: committed"]
    for number in numbers:
        scene = paused(str(number))
        killed_at(scene, number)
        scene.finish()
        assert np.array_equal(heard(scene), without((RATE - EARLY, 2 * RATE)))
        assert [file["erased"] for file in scene.manifest()["segments"][0]["files"]] == [RATE + EARLY] * 2

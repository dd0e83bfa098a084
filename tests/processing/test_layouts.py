"""What is composed: everybody in one channel, two channels, a file for each party."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from processing.steps.compose import Layout
from recorder.ids import segment_id
from recorder.model import CallKind, Direction, Pause, Source, TrackFile
from recorder.states import PauseState, RecordingState
from tests.processing.scene import BEGAN, RATE, Scene, noise, samples_of


def finished(folder: Path, *layouts: Layout, conference: bool = False, paused: bool = False) -> Scene:
    scene = Scene(folder, layouts=frozenset(layouts))
    scene.record()
    if conference:
        first = scene.call.recordings[0].segments[0]
        mix = replace(first, id=segment_id(scene.recording, 0), side="", source=Source(
            leg="", directions=(Direction.MIX,), bridge="bridge-1"), files=(
                TrackFile(direction=Direction.MIX, path="pbx/in.wav"),))
        member = replace(first, id=segment_id(scene.recording, 1), side="id-alice", started=BEGAN + 1,
                         asked=BEGAN + 1, ended=BEGAN + 5,
                         source=Source(leg="id-alice", directions=(Direction.IN,)),
                         files=(TrackFile(direction=Direction.IN, path="pbx/out.wav"),))
        scene.with_recording(segments=(mix, member))
        scene.call = replace(scene.call, kind=CallKind.CONFERENCE, bridge="bridge-1")
    if paused:
        scene.call = replace(scene.call, pauses=(Pause(
            owner="ivr", actor="dialplan", reason="", state=PauseState.FORCED, asked=BEGAN + 2, resumed=BEGAN + 3),))
    scene.enqueue()
    scene.finish()
    assert scene.kept().recording.state is RecordingState.READY
    return scene


def kinds(scene: Scene) -> list[tuple[str, str | None, int]]:
    return [(file["kind"], file["track"], file["channels"]) for file in scene.manifest()["files"]]


@pytest.mark.parametrize(("layouts", "expected"), [
    ((Layout.MIXED, Layout.STEREO), [("mixed", None, 1), ("stereo", None, 2)]),
    ((Layout.STEREO,), [("stereo", None, 2)]),
    ((Layout.PARTIES,), [("party-1", "caller", 1), ("party-2", "callee", 1)]),
    (tuple(Layout), [("mixed", None, 1), ("stereo", None, 2), ("party-1", "caller", 1), ("party-2", "callee", 1)]),
])
def test_the_layouts_of_the_settings_are_composed(
        tmp_path: Path, layouts: tuple[Layout, ...], expected: list[tuple[str, str | None, int]]) -> None:
    assert kinds(finished(tmp_path, *layouts)) == expected


def test_each_party_has_a_file_of_what_it_said(tmp_path: Path) -> None:
    scene = finished(tmp_path, *Layout)
    base = f"2023/{scene.recording}"
    for number in (1, 2):
        assert np.array_equal(samples_of(scene.visible()[f"{base}-party-{number}.wav"])[:, 0], noise(4, number))
    assert scene.kept().files == {"mixed": f"{base}.wav", "stereo": f"{base}-stereo.wav", "manifest": f"{base}.json",
                                  "party-1": f"{base}-party-1.wav", "party-2": f"{base}-party-2.wav"}


def test_without_a_mixed_file_the_first_one_is_the_audio(tmp_path: Path) -> None:
    scene = finished(tmp_path, Layout.PARTIES)
    assert scene.manifest()["audio"]["filename"] == f"2023/{scene.recording}-party-1.wav"


def test_a_conferences_members_are_placed_in_the_time_of_its_mix(tmp_path: Path) -> None:
    scene = finished(tmp_path, Layout.MIXED, Layout.PARTIES, conference=True)
    assert kinds(scene) == [("mixed", None, 1), ("party-1", "id-alice", 1)]
    visible = scene.visible()
    assert np.array_equal(samples_of(visible[f"2023/{scene.recording}.wav"])[:, 0],
                          np.concatenate([noise(4, 1), np.zeros(RATE, np.int16)]))
    assert np.array_equal(samples_of(visible[f"2023/{scene.recording}-party-1.wav"])[:, 0],
                          np.concatenate([np.zeros(RATE, np.int16), noise(4, 2)]))


@pytest.mark.parametrize(("layout", "more"), [(Layout.STEREO, []), (Layout.PARTIES, [("party-1", "id-alice", 1)])])
def test_a_conference_always_has_its_mixed_file_and_never_a_stereo_file(
        tmp_path: Path, layout: Layout, more: list[tuple[str, str | None, int]]) -> None:
    assert kinds(finished(tmp_path, layout, conference=True)) == [("mixed", None, 1), *more]


@pytest.mark.parametrize("conference", [False, True])
def test_a_pause_is_silent_in_each_partys_file(tmp_path: Path, conference: bool) -> None:
    scene = finished(tmp_path, Layout.PARTIES, conference=conference, paused=True)
    for file in scene.manifest()["files"]:
        audio = samples_of(scene.visible()[file["filename"]])
        assert not audio[2 * RATE:3 * RATE].any()
        assert audio[3 * RATE:4 * RATE - RATE // 10].any()

"""The manifest has the documented keys, and its page explains each of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from processing.tracks import voice_of
from recorder.model import Call, Leg, LegState, Recording, Segment, Source, Visit
from recorder.states import CallState, RecordingState, SegmentState
from tests.processing.scene import Scene

PAGE = Path(__file__).parents[2] / "docs" / "manifest.md"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.record()
    made.enqueue()
    made.finish()
    return made


def _keys(document: Any) -> set[str]:
    if isinstance(document, list):
        return set().union(*(_keys(each) for each in document)) if document else set()
    if isinstance(document, dict):
        return set(document) | set().union(*(_keys(each) for each in document.values()), set())
    return set()


def test_it_describes_the_audio_file(scene: Scene) -> None:
    document = scene.manifest()
    mixed = scene.visible()[f"2023/{scene.recording}.wav"]
    assert document["audio"] == {
        "filename": f"2023/{scene.recording}.wav", "startTime": "2023-11-14T22:13:20.000Z",
        "stopTime": "2023-11-14T22:13:24.000Z", "size": mixed.stat().st_size,
        "sha256": hashlib.sha256(mixed.read_bytes()).hexdigest()}
    assert (document["uuid"], document["shouldRecordAudio"], document["shouldRecordVideo"], document["videos"]) == (
        scene.recording, True, False, [])


def test_it_says_who_spoke_and_why_it_was_recorded(scene: Scene) -> None:
    document = scene.manifest()
    assert [(party["role"], party["user"]) for party in document["parties"]] == [("caller", "alice"), ("callee", "bob")]
    assert document["decision"] == {
        "recorded": True, "media": ["audio"], "level": "user", "rule": "user", "profile": "always",
        "subject": "caller", "reason": "alice is always recorded.",
        "announcement": None}


def test_its_page_explains_every_key(scene: Scene) -> None:
    page = PAGE.read_text()
    assert {key for key in _keys(scene.manifest()) if f"`{key}`" not in page} == set()


def test_its_files_add_up(scene: Scene) -> None:
    document = scene.manifest()
    assert document["bytes"] == sum(file["bytes"] for file in document["files"])
    assert [file["kind"] for file in document["files"]] == ["mixed", "stereo"]


def test_after_a_transfer_it_says_who_is_on_which_track() -> None:
    legs = tuple(Leg(id=one, name=one, state=LegState.UP, answered=0.0) for one in ("alice", "bob", "carol", "dave"))
    visits = (Visit(leg="alice", joined=0.0, left=3.0), Visit(leg="bob", joined=0.0, left=5.0),
              Visit(leg="carol", joined=3.1, left=5.0))
    call = Call(id="call", switch="main", boot="boot", first_leg="alice", state=CallState.ENDED, created=0.0, legs=legs,
                visits=visits)
    segments = tuple(Segment(id=f"recording.{number}", source=Source(leg=leg, directions=()), side=side, asked=start,
                             state=SegmentState.DOWN, started=start, ended=stop)
                     for number, (leg, side, start, stop) in enumerate([("alice", "caller", 0.0, 3.0),
                                                                        ("bob", "callee", 3.05, 5.0)]))
    recording = Recording(id="recording", call="call", state=RecordingState.ENDED, created=0.0, segments=segments)
    assert [voice_of(call, recording, leg) for leg in legs] == ["caller", "callee", "caller", None]

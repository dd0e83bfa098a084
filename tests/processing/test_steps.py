"""What the steps find and make of recordings that are not as they should be."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ledger import recordings
from recorder.events import DETACHED
from recorder.holding import HELD
from recorder.ids import segment_id
from recorder.model import CallKind, Direction, Hold, Pause, RtpCounters, Segment, Source, TrackFile
from recorder.orders import Order
from recorder.states import PauseState, RecordingState, SegmentState
from recorder.taps import UNREAD
from tests.processing.scene import BEGAN, RATE, Scene, noise, samples_of, wav_bytes


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A whole recording, not yet enqueued."""
    made = Scene(tmp_path)
    made.record()
    return made


def _end(scene: Scene) -> tuple[RecordingState, list[str]]:
    """Finish the job: the recording's final state, and the reasons in its manifest."""
    scene.enqueue()
    scene.finish()
    ledger = scene.ledger()
    with ledger.reading() as connection:
        kept = recordings.get(connection, scene.recording)
    ledger.close()
    document = scene.manifest()
    assert document["state"] == kept.recording.state.value
    reasons: list[str] = document["reasons"]
    assert kept.result is not None
    assert kept.result["reasons"] == reasons
    return kept.recording.state, reasons


def _segment(scene: Scene, number: int, start: float, stop: float) -> Segment:
    """A segment with files of its own, that are as long as it."""
    files = tuple(TrackFile(direction=direction, path=f"pbx/{number}-{direction.value}.wav")
                  for direction in (Direction.IN, Direction.OUT))
    for seed, file in enumerate(files, 10 * number + 1):
        scene.write(file.path, wav_bytes(noise(stop - start, seed)))
    return replace(scene.call.recordings[0].segments[0], id=segment_id(scene.recording, number), asked=BEGAN + start,
                   started=BEGAN + start, ended=BEGAN + stop, files=files)


def _stereo(scene: Scene) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return samples_of(scene.visible()[f"2023/{scene.recording}-stereo.wav"])


def test_a_whole_recording_is_ready(scene: Scene) -> None:
    assert _end(scene) == (RecordingState.READY, [])


def test_a_tap_on_the_callee_still_has_the_caller_left(scene: Scene) -> None:
    scene.with_segment(side="callee", source=Source(leg="id-bob", directions=(Direction.IN, Direction.OUT)))
    _end(scene)
    assert np.array_equal(_stereo(scene), np.stack([noise(4, 2), noise(4, 1)], axis=1))


def test_two_tracks_in_one_file_are_told_apart_by_their_channel(scene: Scene) -> None:
    scene.write("both.wav", wav_bytes(np.stack([noise(4, 7), noise(4, 8)], axis=1)))
    scene.with_segment(files=(TrackFile(direction=Direction.IN, path="both.wav", channel=1),
                              TrackFile(direction=Direction.OUT, path="both.wav", channel=0)))
    assert _end(scene)[0] is RecordingState.READY
    assert np.array_equal(_stereo(scene), np.stack([noise(4, 8), noise(4, 7)], axis=1))


def test_a_missing_file_makes_it_incomplete_and_the_other_track_is_kept(scene: Scene) -> None:
    (scene.spool / "pbx/out.wav").unlink()
    state, reasons = _end(scene)
    assert state is RecordingState.INCOMPLETE
    assert reasons == ["Track callee lacks 1 of 1 files.", "pbx/out.wav: The file is not there."]
    assert np.array_equal(_stereo(scene), np.stack([noise(4, 1), np.zeros(4 * RATE, np.int16)], axis=1))


def test_without_any_audio_there_is_a_manifest_and_no_empty_file(scene: Scene) -> None:
    for path in scene.spool.rglob("*.wav"):
        path.unlink()
    assert _end(scene)[0] is RecordingState.INCOMPLETE
    assert list(scene.visible()) == [f"2023/{scene.recording}.json"]
    assert (scene.manifest()["audio"], scene.manifest()["files"]) == (None, [])


@pytest.mark.parametrize("path", ["../outside.wav", "pbx/../../outside.wav", "link.wav", "folder/outside.wav"])
def test_a_path_that_leads_out_of_the_spool_is_not_followed(scene: Scene, path: str) -> None:
    (scene.folder / "outside.wav").write_bytes(wav_bytes(noise(4)))
    os.symlink(scene.folder / "outside.wav", scene.spool / "link.wav")
    os.symlink(scene.folder, scene.spool / "folder")
    scene.with_segment(files=(TrackFile(direction=Direction.IN, path=path),
                              TrackFile(direction=Direction.OUT, path="pbx/out.wav")))
    assert f"{path}: The file is not there." in _end(scene)[1]


def test_an_absolute_path_and_one_with_a_zero_byte_are_not_followed(scene: Scene) -> None:
    outside = scene.folder / "outside.wav"
    outside.write_bytes(wav_bytes(noise(4)))
    scene.with_segment(files=(TrackFile(direction=Direction.IN, path=str(outside)),
                              TrackFile(direction=Direction.OUT, path="pbx/out.wav\x00")))
    assert scene.visible() == {}
    assert _end(scene)[0] is RecordingState.INCOMPLETE
    assert list(scene.visible()) == [f"2023/{scene.recording}.json"]


def test_a_header_left_at_zero_by_a_killed_switch_is_mended_and_said(scene: Scene) -> None:
    path = scene.spool / "pbx/in.wav"
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[4:8] = broken[40:44] = bytes(4)
    path.write_bytes(broken)
    assert _end(scene)[0] is RecordingState.READY
    assert path.read_bytes() == whole
    assert "the data length says 0 bytes" in scene.manifest()["segments"][0]["files"][0]["defect"]
    assert np.array_equal(_stereo(scene)[:, 0], noise(4, 1))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"something else entirely, but long enough to have a header"])
def test_a_file_that_is_no_wav_counts_as_missing(scene: Scene, content: bytes) -> None:
    scene.write("pbx/in.wav", content)
    state, reasons = _end(scene)
    assert state is RecordingState.INCOMPLETE
    assert reasons[0] == "Track caller lacks 1 of 1 files."


def test_a_file_that_is_too_short_makes_it_incomplete(scene: Scene) -> None:
    scene.write("pbx/in.wav", wav_bytes(noise(3.5, 1)))
    state, reasons = _end(scene)
    assert (state, reasons) == (RecordingState.INCOMPLETE, ["Track caller is 460 ms shorter than the clock says."])
    (gap,) = scene.manifest()["gaps"]
    assert gap == {"startTime": "2023-11-14T22:13:23.500Z", "stopTime": "2023-11-14T22:13:24.000Z",
                   "track": "caller", "cause": "file-short"}


def test_a_track_of_fill_is_believed_only_if_no_packet_came(scene: Scene) -> None:
    scene.write("pbx/in.wav", wav_bytes(np.zeros(4 * RATE, np.int16)))
    assert _end(scene)[0] is RecordingState.INCOMPLETE


@pytest.mark.parametrize(("received", "state"), [(0, RecordingState.READY), (200, RecordingState.INCOMPLETE)])
def test_the_switches_own_count_of_packets_decides_about_silence(scene: Scene, received: int,
                                                                state: RecordingState) -> None:
    scene.write("pbx/out.wav", wav_bytes(np.full(4 * RATE, -1, np.int16)))
    alice, bob = scene.call.legs
    counters = RtpCounters(received=received, lost=0, sent=200)
    scene.call = replace(scene.call, legs=(alice, replace(bob, counters=counters)))
    assert _end(scene)[0] is state


def test_a_tap_whose_end_nobody_saw_makes_it_incomplete(scene: Scene) -> None:
    scene.with_segment(state=SegmentState.LOST, ended=None, cause="the switch went away")
    state, reasons = _end(scene)
    assert state is RecordingState.INCOMPLETE
    assert reasons == [f"Nobody saw the end of segment {scene.recording}.0: the switch went away."]


def test_a_pause_is_silence_in_its_place_and_no_gap(scene: Scene) -> None:
    scene.with_recording(segments=(_segment(scene, 1, 0, 1), _segment(scene, 2, 2, 4)))
    scene.call = replace(scene.call, pauses=(
        Pause(owner="ivr", actor="dialplan", reason="card", state=PauseState.RESUMED, asked=BEGAN + 1,
              confirmed=BEGAN + 1, resumed=BEGAN + 2),))
    assert _end(scene) == (RecordingState.READY, [])
    caller = np.concatenate([noise(1, 11), np.zeros(RATE, np.int16), noise(2, 21)])
    assert np.array_equal(_stereo(scene)[:, 0], caller)
    document = scene.manifest()
    assert document["gaps"] == []
    assert document["pauses"] == [{"startTime": "2023-11-14T22:13:21.000Z", "stopTime": "2023-11-14T22:13:22.000Z",
                                   "reason": "card", "owner": "ivr", "actor": "dialplan",
                                   "confirmedTime": "2023-11-14T22:13:21.000Z"}]


def test_the_manifest_says_who_started_and_stopped_and_which_pause_was_never_confirmed(scene: Scene) -> None:
    caller = scene.call.legs[0]
    scene.call = replace(scene.call, pauses=(
        Pause(owner="agent", actor="party", reason="", state=PauseState.FORCED, asked=BEGAN + 1, resumed=BEGAN + 2),),
        orders=(Order(at=BEGAN, verb="start", actor="party", leg=caller.id),
                Order(at=BEGAN + 3, verb="stop", actor="operator", reason="a complaint")))
    _end(scene)
    document = scene.manifest()
    assert [(pause["owner"], pause["actor"], pause["confirmedTime"]) for pause in document["pauses"]] == [
        ("agent", "party", None)]
    start, stop = document["orders"]
    assert (start["verb"], start["actor"], start["party"]["user"]) == ("start", "party", caller.party.user)
    assert stop == {"time": "2023-11-14T22:13:23.000Z", "verb": "stop", "actor": "operator", "party": None,
                    "reason": "a complaint", "server": None}


def test_audio_that_lies_in_a_pause_is_not_in_the_output(scene: Scene) -> None:
    scene.call = replace(scene.call, pauses=(
        Pause(owner="ivr", actor="dialplan", reason="", state=PauseState.FORCED, asked=BEGAN + 1,
              resumed=BEGAN + 2),))
    _end(scene)
    assert not _stereo(scene)[RATE:2 * RATE].any()


def test_time_that_no_tap_covered_makes_it_incomplete(scene: Scene) -> None:
    scene.with_recording(segments=(replace(_segment(scene, 1, 0, 1), cause=DETACHED), _segment(scene, 2, 2, 4)))
    state, reasons = _end(scene)
    assert state is RecordingState.INCOMPLETE
    assert reasons == ["Track caller was not tapped for 1.0 s.", "Track callee was not tapped for 1.0 s."]


def test_a_hold_of_the_tapped_leg_explains_the_gap_and_no_more(scene: Scene) -> None:
    scene.with_recording(segments=(replace(_segment(scene, 1, 0, 1), cause=HELD), _segment(scene, 2, 3.03, 4)))
    scene.call = replace(scene.call, holds=(Hold(leg="id-alice", begun=BEGAN + 1, ended=BEGAN + 3),))
    assert _end(scene) == (RecordingState.READY, [])
    gaps = [(gap["track"], gap["cause"], gap["startTime"][-7:], gap["stopTime"][-7:])
            for gap in scene.manifest()["gaps"] if gap["track"] == "caller"]
    assert gaps == [("caller", "hold", "21.000Z", "23.000Z"), ("caller", "not-tapped", "23.000Z", "23.030Z")]
    assert len(_stereo(scene)) == 4 * RATE
    assert not _stereo(scene)[RATE:3 * RATE].any()


def test_what_is_missing_after_a_hold_makes_it_incomplete(scene: Scene) -> None:
    scene.with_recording(segments=(replace(_segment(scene, 1, 0, 1), cause=HELD), _segment(scene, 2, 3, 4)))
    scene.call = replace(scene.call, holds=(Hold(leg="id-alice", begun=BEGAN + 1, ended=BEGAN + 2),))
    assert _end(scene)[1] == ["Track caller was not tapped for 1.0 s.", "Track callee was not tapped for 1.0 s."]


def test_media_that_went_past_the_switch_until_the_end_make_it_incomplete(scene: Scene) -> None:
    scene.with_recording(segments=(replace(_segment(scene, 1, 0, 3), cause=UNREAD),), ended=BEGAN + 3)
    scene.call = replace(scene.call, ended=BEGAN + 4)
    assert _end(scene) == (RecordingState.INCOMPLETE, ["The media went past the switch: 1.0 s are missing."])


def test_a_tap_that_died_while_its_leg_went_on_makes_it_incomplete_however_soon_it_was_made_anew(scene: Scene) -> None:
    died, anew = _segment(scene, 1, 0, 1), _segment(scene, 2, 1.2, 4)
    scene.with_recording(segments=(replace(died, cause="done"), anew))
    assert _end(scene) == (RecordingState.INCOMPLETE, ["A tap ended by itself and was made anew: 0.2 s are missing."])


def test_a_tap_that_died_beside_others_is_seen_too(scene: Scene) -> None:
    other = replace(_segment(scene, 2, 1.1, 4), source=Source(leg="id-carol", directions=(Direction.IN, Direction.OUT)))
    died, anew = replace(_segment(scene, 1, 0, 1), cause="done"), _segment(scene, 3, 1.2, 4)
    scene.with_recording(segments=(died, other, anew))
    assert _end(scene)[1] == ["A tap ended by itself and was made anew: 0.2 s are missing."]


def test_a_tap_that_we_ended_and_made_anew_is_no_fault(scene: Scene) -> None:
    scene.with_recording(segments=(replace(_segment(scene, 1, 0, 1), cause=DETACHED), _segment(scene, 2, 1.2, 4)))
    assert _end(scene) == (RecordingState.READY, [])


def test_a_tap_that_moves_at_once_is_no_fault(scene: Scene) -> None:
    gone = Source(leg="id-carol", directions=(Direction.IN, Direction.OUT))
    scene.with_recording(segments=(replace(_segment(scene, 1, 0, 2), source=gone), _segment(scene, 2, 2.05, 4)))
    assert _end(scene) == (RecordingState.READY, [])


def test_a_tap_that_was_renewed_leaves_no_seam_and_no_doubt(scene: Scene) -> None:
    """The second tap's files begin 1 s before the first one's end, and the clock has them 30 ms too late."""
    first, second = _segment(scene, 1, 0, 2.5), _segment(scene, 2, 1.53, 4)
    for name, seed in (("in", 1), ("out", 2)):
        voice = noise(4, seed)
        voice[2 * RATE:] = 0  # what is silent in both files is one gap of the manifest
        scene.write(f"pbx/1-{name}.wav", wav_bytes(voice[:round(2.5 * RATE)]))
        scene.write(f"pbx/2-{name}.wav", wav_bytes(voice[round(1.5 * RATE):]))
    scene.with_recording(segments=(first, second))
    assert _end(scene) == (RecordingState.READY, [])
    for channel, seed in ((0, 1), (1, 2)):
        assert np.array_equal(_stereo(scene)[:2 * RATE, channel], noise(4, seed)[:2 * RATE])
    gaps = [(gap["track"], gap["cause"], gap["startTime"][-7:]) for gap in scene.manifest()["gaps"]]
    assert gaps == [("callee", "fill", "22.000Z"), ("caller", "fill", "22.000Z")]


def test_a_tap_that_came_late_is_said_and_the_output_begins_where_it_should_have(scene: Scene) -> None:
    scene.with_recording(segments=(_segment(scene, 1, 1.5, 4),), started=BEGAN + 1.5)
    state, reasons = _end(scene)
    assert state is RecordingState.INCOMPLETE
    assert "Track caller was not tapped for 1.5 s." in reasons
    assert scene.manifest()["startTime"] == "2023-11-14T22:13:20.000Z"
    assert not _stereo(scene)[:int(1.5 * RATE)].any()


def test_the_time_that_a_switch_needs_is_not_missing(scene: Scene) -> None:
    scene.with_recording(segments=(_segment(scene, 1, 0.03, 4),), started=BEGAN + 0.03)
    assert _end(scene) == (RecordingState.READY, [])
    assert scene.manifest()["startTime"] == "2023-11-14T22:13:20.030Z"


def test_tracks_of_different_rates_are_listed_as_failed(scene: Scene) -> None:
    scene.write("pbx/out.wav", wav_bytes(noise(8, 2), rate=16_000))
    scene.enqueue()
    ledger = scene.ledger()
    worker = scene.worker(ledger, attempts=1)
    worker.work_once()
    with ledger.reading() as connection:
        assert recordings.get(connection, scene.recording).recording.state is RecordingState.FAILED
    ledger.close()


def test_a_conference_is_its_mix_alone_and_mono(scene: Scene) -> None:
    first = scene.call.recordings[0].segments[0]
    mix = replace(first, id=segment_id(scene.recording, 0), side="",
                  source=Source(leg="", directions=(Direction.MIX,), bridge="bridge-1"),
                  files=(TrackFile(direction=Direction.MIX, path="pbx/in.wav"),))
    member = replace(first, id=segment_id(scene.recording, 1), side="id-alice",
                     source=Source(leg="id-alice", directions=(Direction.IN,)),
                     files=(TrackFile(direction=Direction.IN, path="pbx/out.wav"),))
    scene.with_recording(segments=(mix, member))
    scene.call = replace(scene.call, kind=CallKind.CONFERENCE, bridge="bridge-1")
    assert _end(scene) == (RecordingState.READY, [])
    assert list(scene.visible()) == [f"2023/{scene.recording}.json", f"2023/{scene.recording}.wav"]
    assert np.array_equal(samples_of(scene.visible()[f"2023/{scene.recording}.wav"])[:, 0], noise(4, 1))
    assert [track["track"] for track in scene.manifest()["tracks"]] == ["mix", "id-alice"]

"""Never: a recording is called good without proof.

Proof is, track by track: a file for every segment, as long as the clock says, with audio that is not mere fill, or the
switch's word that no packet came; of a track that goes to a recording server, packets that went out all the time, and
no word of the server's that they never came. What lacks one of these is incomplete, with the reason.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import recordings
from media import carried
from media.carried import PACKET_S, Sent, ServerEvidence, Stretch
from media.gaps import FillRun, SegmentEvidence, TrackEvidence, judge
from recorder.states import RECORDING, RecordingInput, RecordingState
from tests.processing.scene import RATE, Scene, noise, wav_bytes
from tests.recorder.test_order import STORIES, again

GOOD = SegmentEvidence(10.0, 10 * RATE)


def track(*segments: SegmentEvidence, received: int | None = None) -> TrackEvidence:
    return TrackEvidence("caller", RATE, segments, received=received)


@given(st.lists(st.floats(1.0, 60.0), min_size=1, max_size=4), st.floats(0.15, 0.9), st.data())
def test_a_track_from_which_audio_is_missing_is_never_complete(
    lengths: list[float], missing: float, data: st.DataObject
) -> None:
    whole = [SegmentEvidence(length, round(length * RATE)) for length in lengths]
    assert judge(track(*whole)).complete
    hit = data.draw(st.integers(0, len(whole) - 1))
    short = replace(whole[hit], samples=round((lengths[hit] - missing) * RATE))
    assert judge(track(*whole[:hit], short, *whole[hit + 1:])).reasons == ("short",)


@pytest.mark.parametrize(("evidence", "reason"), [
    (track(), "missing"),
    (track(GOOD, replace(GOOD, samples=None)), "missing"),
    (track(replace(GOOD, samples=0)), "empty"),
    (track(replace(GOOD, fill=(FillRun(0, 10 * RATE, 0),))), "only-fill"),
    (track(replace(GOOD, fill=(FillRun(0, 10 * RATE, -1),))), "only-fill"),
    (track(replace(GOOD, fill=(FillRun(0, 10 * RATE, 0),)), received=500), "only-fill"),
])
def test_each_lack_of_proof_makes_a_track_incomplete(evidence: TrackEvidence, reason: str) -> None:
    assert reason in judge(evidence).reasons


def test_silence_is_right_only_where_the_switch_says_that_no_packet_came() -> None:
    silent = replace(GOOD, fill=(FillRun(0, 10 * RATE, 0),))
    assert judge(track(silent, received=0)).complete
    assert not judge(track(silent)).complete


ALL = Sent("main", 0.0, 60.0 - PACKET_S, 3_000, 3_000, 0, 0)


@pytest.mark.parametrize(("sent", "reason"), [
    ((), "not-carried"),
    ((Sent("main"),), "not-carried"),
    ((replace(ALL, first=2.0),), "uncarried"),
    ((replace(ALL, last=58.0),), "uncarried"),
    ((replace(ALL, last=20.0), replace(ALL, first=21.0)), "uncarried"),
    ((replace(ALL, received=2_900, sent=2_900),), "not-sent"),
    ((replace(ALL, sent=2_900),), "not-sent"),
    ((replace(ALL, lost=100),), "not-sent"),
    ((replace(ALL, unheard=100),), "unheard"),
])
def test_each_lack_of_proof_at_a_recording_server_makes_a_track_incomplete(sent: tuple[Sent, ...], reason: str) -> None:
    assert carried.judge(ServerEvidence("caller", [Stretch(0.0, 60.0, [ALL])])) == ()
    found = carried.judge(ServerEvidence("caller", [Stretch(0.0, 60.0, sent)]))
    assert reason in [one.id for one in found if one.incomplete]


def _no_file(scene: Scene) -> None:
    (scene.spool / "pbx/out.wav").unlink()


def _half_a_file(scene: Scene) -> None:
    scene.write("pbx/out.wav", wav_bytes(noise(scene.seconds / 2, 2)))


def _zeros(scene: Scene) -> None:
    scene.write("pbx/out.wav", wav_bytes(np.zeros(round(scene.seconds * RATE), np.int16)))


def _no_wav(scene: Scene) -> None:
    scene.write("pbx/out.wav", b"nothing of the kind")


@pytest.mark.parametrize(("harm", "state"), [
    (None, RecordingState.READY), (_no_file, RecordingState.INCOMPLETE), (_half_a_file, RecordingState.INCOMPLETE),
    (_zeros, RecordingState.INCOMPLETE), (_no_wav, RecordingState.INCOMPLETE)])
def test_a_recording_is_ready_only_when_all_its_files_are_what_they_should_be(
    tmp_path: Path, harm: object, state: RecordingState
) -> None:
    scene = Scene(tmp_path)
    scene.record()
    if callable(harm):
        harm(scene)
    scene.enqueue()
    scene.finish()
    ledger = scene.ledger()
    with ledger.reading() as connection:
        kept = recordings.get(connection, scene.recording)
    ledger.close()
    assert kept.recording.state is state
    assert kept.result is not None
    assert bool(kept.result["reasons"]) == (state is RecordingState.INCOMPLETE)


def test_nothing_but_the_job_can_call_a_recording_ready() -> None:
    assert {step for step, target in RECORDING.items() if target is RecordingState.READY} == {
        (RecordingState.PROCESSING, RecordingInput.GOOD)}
    for name, tell in STORIES.items():
        story = again(tell(), tell().told)
        story.wait(200)
        states = {recording.state for call in story.rows.values() for recording in call.recordings}
        assert states <= {RecordingState.PROCESSING, RecordingState.EMPTY}, name

"""What is not as it should be is found, mended where that can be done, and only once; nothing is overwritten."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from structlog.testing import capture_logs

from ledger import calls, jobs, recordings
from ledger.recordings import Kept
from recorder.ids import segment_id
from recorder.model import Direction, Outcome, Pause, Segment, TrackFile
from recorder.states import CallState, PauseState, RecordingInput, RecordingState, SegmentState
from service.expected import Daily, day, expected
from service.mend import mend
from service.reconcile import Discrepancy, Remedy, reconcile
from tests.processing.scene import BEGAN, RATE, Scene, noise, samples_of, wav_bytes
from tests.service.fakes import FakeClock
from tests.service.test_driver import until

SINCE, UNTIL = BEGAN - 10, BEGAN + 10_000


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A recording that is finished as a whole."""
    made = Scene(tmp_path)
    made.record()
    return made


def found(scene: Scene) -> list[Discrepancy]:
    ledger = scene.ledger()
    with ledger.reading() as connection:
        listed = reconcile(connection, scene.places, since=SINCE, until=UNTIL)
    ledger.close()
    return listed


def kinds(scene: Scene) -> list[tuple[str, str]]:
    return [(one.kind, one.what) for one in found(scene)]


def mended(scene: Scene) -> list[str]:
    """Mend everything that can be, and work on the jobs that begin by that; what was said."""
    listed, ledger = found(scene), scene.ledger()
    said = [mend(ledger, scene.places, one, scene.clock()) for one in listed]
    ledger.close()
    scene.finish()
    return [one for one in said if one]


def kept(scene: Scene) -> Kept:
    ledger = scene.ledger()
    with ledger.reading() as connection:
        loaded = recordings.get(connection, scene.recording)
    ledger.close()
    return loaded


def saved(scene: Scene, *, job: bool = False) -> None:
    ledger = scene.ledger()
    with ledger.transaction() as connection:
        calls.save(connection, [scene.call], BEGAN)
        if job:
            jobs.enqueue(connection, scene.recording, BEGAN)
    ledger.close()


def failed_tap(scene: Scene, number: int = 0, **changes: Any) -> Segment:
    """A tap that the ledger believes never to have come up, though the switch wrote its files from ``BEGAN`` on."""
    segment = replace(scene.call.recordings[0].segments[0], id=segment_id(scene.recording, number), files=(),
                      state=SegmentState.FAILED, started=None, ended=None, cause="it did not come up in time")
    for seed, direction in enumerate(("in", "out"), 1):
        file = scene.write(f"phonograph/{segment.id}-{direction}.wav", wav_bytes(noise(scene.seconds, seed)))
        os.utime(file, (BEGAN + scene.seconds, BEGAN + scene.seconds))
    return replace(segment, **changes)


def missed_call(scene: Scene) -> None:
    """The only tap counts as failed: a recording without audio, a call without a recording."""
    scene.with_recording(segments=(failed_tap(scene),), state=RecordingState.EMPTY, started=None,
                         reason="it did not come up in time")
    scene.call = replace(scene.call, outcome=Outcome.MISSED, reason="it did not come up in time")


def test_where_everything_is_as_it_should_be_nothing_is_listed(scene: Scene) -> None:
    scene.enqueue()
    scene.finish()
    assert kinds(scene) == []


def test_a_missed_call_whose_audio_lies_in_the_spool_gets_its_recording(scene: Scene) -> None:
    missed_call(scene)
    saved(scene)
    assert [kind for kind, _ in kinds(scene)] == ["no_recording", "no_link"]
    (said,) = mended(scene)
    assert "its audio is in the recording" in said
    now = kept(scene)
    assert (now.recording.state, now.call.outcome, now.call.reason) == (RecordingState.READY, Outcome.RECORDED, "")
    (segment,) = now.recording.segments
    assert (segment.started, segment.ended) == (BEGAN, BEGAN + 4)
    assert segment.cause == "it did not come up in time; found in the spool"
    stereo = samples_of(scene.visible()[f"2023/{scene.recording}-stereo.wav"])
    assert np.array_equal(stereo, np.stack([noise(4, 1), noise(4, 2)], axis=1))
    assert (kinds(scene), mended(scene)) == ([], [])


def test_a_header_that_a_killed_switch_left_at_zero_is_mended_with_it(scene: Scene) -> None:
    missed_call(scene)
    file = scene.spool / f"phonograph/{segment_id(scene.recording, 0)}-in.wav"
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:])
    os.utime(file, (BEGAN + 4, BEGAN + 4))
    saved(scene)
    mended(scene)
    assert file.read_bytes() == whole
    assert kept(scene).recording.state is RecordingState.READY


def test_a_finished_recording_with_audio_found_later_is_finished_anew_beside_the_old_files(scene: Scene) -> None:
    late = _halves(scene)
    scene.enqueue()
    scene.finish()
    before = {name: path.read_bytes() for name, path in scene.visible().items()}
    assert kept(scene).recording.state is RecordingState.INCOMPLETE
    assert kinds(scene) == [("no_link", late)]
    assert len(mended(scene)) == 1
    after = scene.visible()
    assert {name: after[name].read_bytes() for name in before} == before
    assert sorted(set(after) - set(before)) == [
        f"2023/{scene.recording}-2{suffix}" for suffix in ("-stereo.wav", ".json", ".wav")]
    now = kept(scene)
    assert (now.recording.state, now.files["mixed"]) == (
        RecordingState.READY, f"2023/{scene.recording}-2.wav")
    assert mended(scene) == []


def _halves(scene: Scene) -> str:
    """The second half of the call is on a tap that counts as failed; that tap's id."""
    first = scene.call.recordings[0].segments[0]
    for seed, name in enumerate(("in", "out"), 1):
        scene.write(f"pbx/{name}.wav", wav_bytes(noise(4, seed)[:2 * RATE]))
    late = failed_tap(scene, 1, asked=BEGAN + 2)
    for seed, name in enumerate(("in", "out"), 1):
        file = scene.write(f"phonograph/{late.id}-{name}.wav", wav_bytes(noise(4, seed)[2 * RATE:]))
        os.utime(file, (BEGAN + 4, BEGAN + 4))
    scene.with_recording(segments=(replace(first, ended=BEGAN + 2, cause="detached"), late))
    return late.id


@pytest.mark.parametrize(("change", "why"), [
    ({"stopped": True}, "the recording was stopped"),
    ({"pauses": (Pause(owner="ivr", actor="dialplan", reason="", state=PauseState.RESUMED, asked=BEGAN + 1,
                       resumed=BEGAN + 2),)}, "there was a pause at that time"),
    ({"state": CallState.ENDED}, "the call goes on")])
def test_audio_that_may_be_from_where_nobody_may_listen_stays_where_it_is(
        scene: Scene, change: dict[str, Any], why: str) -> None:
    missed_call(scene)
    scene.call = replace(scene.call, **change)
    saved(scene)
    (listed,) = (one for one in found(scene) if one.kind == "no_link")
    assert (listed.remedy, why in listed.said) == (None, True)
    assert mended(scene) == []
    ledger = scene.ledger()
    # It is looked at again when it is mended: the pause may have come meanwhile.
    assert mend(ledger, scene.places, replace(listed, remedy=Remedy.LINK), scene.clock()) == ""
    ledger.close()
    assert kept(scene).recording.state is RecordingState.EMPTY


def test_a_tap_that_was_called_off_at_once_leaves_nothing_to_be_found(scene: Scene) -> None:
    missed_call(scene)
    for direction in ("in", "out"):
        scene.write(f"phonograph/{segment_id(scene.recording, 0)}-{direction}.wav", wav_bytes(noise(0.05)))
    saved(scene)
    assert [kind for kind, _ in kinds(scene)] == ["no_recording"]


@pytest.mark.parametrize("state", [RecordingState.ENDED, RecordingState.PROCESSING])
def test_a_recording_without_a_job_gets_one(scene: Scene, state: RecordingState) -> None:
    scene.with_recording(state=state)
    saved(scene)
    assert kinds(scene) == [("no_job", scene.recording)]
    assert mended(scene) == [f"{scene.recording}: its job begins."]
    assert kept(scene).recording.state is RecordingState.READY
    assert kinds(scene) == []


def test_a_recording_whose_job_waits_is_left_alone(scene: Scene) -> None:
    scene.with_recording(state=RecordingState.PROCESSING)
    saved(scene, job=True)
    assert kinds(scene) == []


def test_a_finished_file_that_is_gone_is_marked_once_and_stays_listed(scene: Scene) -> None:
    scene.enqueue()
    scene.finish()
    scene.visible()[f"2023/{scene.recording}-stereo.wav"].unlink()
    assert kinds(scene) == [("no_file", scene.recording)]
    (said,) = mended(scene)
    assert "marked incomplete" in said
    now = kept(scene)
    assert now.recording.state is RecordingState.INCOMPLETE
    assert now.result is not None
    assert now.result["reasons"] == [f"The finished file 2023/{scene.recording}-stereo.wav is gone."]
    assert (kinds(scene), mended(scene)) == ([("no_file", scene.recording)], [])


def test_a_file_that_nobody_knows_is_listed_and_left(scene: Scene) -> None:
    scene.enqueue()
    scene.finish()
    unknown = scene.write(f"phonograph/{'0' * 8}-0000-5000-8000-{'0' * 12}.0-in.wav", wav_bytes(noise(1)))
    stray = scene.write(f"phonograph/{segment_id(scene.recording, 7)}-in.wav", wav_bytes(noise(1)))
    scene.write("somebody/elses.wav", wav_bytes(noise(1)))
    assert sorted(kinds(scene)) == sorted([("no_row", str(unknown)), ("no_row", str(stray))])
    assert mended(scene) == []
    assert unknown.is_file()
    assert stray.is_file()


def test_audio_found_later_is_not_taken_in_where_the_other_files_are_gone(scene: Scene) -> None:
    late = _halves(scene)
    scene.enqueue()
    scene.finish()
    for name in ("in", "out"):
        (scene.spool / f"pbx/{name}.wav").unlink()
    (listed,) = found(scene)
    assert (listed.kind, listed.what, listed.remedy) == ("no_link", late, None)
    assert "the recording's other files are gone" in listed.said
    assert mended(scene) == []
    assert len(scene.visible()) == 3


def test_a_job_that_is_done_anew_a_third_time_gets_a_third_name(scene: Scene) -> None:
    scene.enqueue()
    scene.finish()
    ledger = scene.ledger()
    for _ in range(2):
        with ledger.transaction() as connection:
            recordings.move(connection, scene.recording, RecordingInput.AGAIN, BEGAN)
            jobs.again(connection, scene.recording, BEGAN)
        scene.finish()
    ledger.close()
    assert f"2023/{scene.recording}-3.wav" in scene.visible()
    assert len(scene.visible()) == 9


class TestExpected:
    def test_a_recorded_and_a_missed_call_are_counted(self, scene: Scene, tmp_path: Path) -> None:
        scene.enqueue()
        scene.finish()
        other = Scene(tmp_path)
        other.call = replace(other.call, id="other", first_leg="x", outcome=Outcome.MISSED, recordings=(),
                             reason="the call ended before its tap was attached")
        saved(other)
        ledger = scene.ledger()
        with ledger.reading() as connection:
            numbers = expected(connection, since=SINCE, until=UNTIL)
            nothing = expected(connection, since=UNTIL, until=UNTIL + 1)
        ledger.close()
        assert {key: value for key, value in numbers.items() if value and key not in ("since", "until")} == {
            "calls": 2, "to_be_recorded": 2, "recorded": 1, "ready": 1, "missed": 1,
            "missed_because": {"the call ended before its tap was attached": 1}}
        assert (nothing["calls"], nothing["missed_because"]) == (0, {})

    def test_a_day_has_the_hours_that_the_zone_gives_it(self) -> None:
        hours = [(day(date(2026, *of), ZoneInfo("Europe/Berlin"))) for of in ((3, 28), (3, 29), (10, 25))]
        assert [(last - first) / 3600 for first, last in hours] == [24, 23, 25]

    async def test_each_day_is_told_once_in_the_log(self, scene: Scene) -> None:
        missed_call(scene)
        clock = FakeClock()
        clock.time = BEGAN + 86_400 - clock.at() + clock.time
        saved(scene)
        ledger = scene.ledger()
        def told() -> list[tuple[str, int, int]]:
            return [(line["day"], line["to_be_recorded"], line["missed"]) for line in logs
                    if line["event"] == "expected against recorded"]

        with capture_logs() as logs:
            task = asyncio.create_task(Daily(ledger, scene.places, clock, ZoneInfo("UTC")).run())
            await until(told)
            for _ in range(2):  # from 22:13 over midnight
                await until(lambda: clock._moved)
                clock.advance(3600)
            await until(lambda: len(told()) == 2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        ledger.close()
        assert told() == [("2023-11-14", 1, 1), ("2023-11-15", 0, 0)]
        assert "not everything is as it should be: run `phonograph reconcile`" in [line["event"] for line in logs]


def test_the_files_of_a_segment_keep_their_directions(scene: Scene) -> None:
    missed_call(scene)
    saved(scene)
    mended(scene)
    (segment,) = kept(scene).recording.segments
    assert segment.files == tuple(
        TrackFile(direction=direction, path=f"phonograph/{segment.id}-{direction.value}.wav")
        for direction in (Direction.IN, Direction.OUT))


def test_what_another_machine_has_is_its_own_to_compare(scene: Scene) -> None:
    """One ledger, two machines: neither has the other's files, and must not call them gone."""
    ledger = scene.ledger()
    with ledger.transaction() as connection:
        calls.save(connection, [scene.call], BEGAN)
        jobs.enqueue(connection, scene.recording, BEGAN, "berlin")
    ledger.close()
    scene.places = replace(scene.places, node="berlin")
    scene.finish()
    for path in scene.visible().values():
        path.unlink()
    assert {kind for kind, _ in kinds(scene)} == {"no_file"}
    scene.places = replace(scene.places, node="paris", spools={})
    assert kinds(scene) == []


def test_a_recording_without_a_job_is_begun_by_the_machine_of_its_switch(scene: Scene) -> None:
    saved(scene)
    scene.places = replace(scene.places, node="paris", spools={})
    assert kinds(scene) == []
    scene.places = replace(scene.places, node="berlin", spools={"pbx": scene.spool})
    assert mended(scene)
    ledger = scene.ledger()
    with ledger.reading() as connection:
        assert jobs.get(connection, scene.recording).node == "berlin"
    ledger.close()

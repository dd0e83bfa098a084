"""Recordings that went to recording servers, instead of files or beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.jobs import JobState
from policy.types import RecordingTarget
from processing.servers import plain
from processing.steps.command import Command
from recorder.carrying import RESTARTED
from recorder.effects import Attach
from recorder.events import TapDown
from recorder.model import Carried, Direction, Pause, Sink, Source
from recorder.states import PauseState, RecordingState, SegmentState, SessionState
from tests.keys import Listener
from tests.processing.scene import BEGAN, Scene, noise, wav_bytes
from tests.processing.serving import MAIN, SECOND, both_ways, finished, sent, served, session
from tests.recorder.story import SWITCH, only
from tests.recorder.test_carrying import talks, tells

SIPREC, BOTH = RecordingTarget.SIPREC, RecordingTarget.BOTH


def test_a_call_that_a_server_was_sent_whole_is_ready_without_any_file(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, *both_ways(0.2, 4.0))
    assert finished(scene) == ("ready", [])
    document = scene.manifest()
    assert (document["audio"], document["files"], document["target"]) == (None, [], "siprec")
    assert document["sessions"] == [{
        "id": MAIN, "server": "main", "startTime": "2023-11-14T22:13:20.100Z", "stopTime": "2023-11-14T22:13:24.000Z",
        "state": "over", "cause": "", "named": False,
        "tracks": [{"track": "caller", "sent": 190, "lost": 0, "unheard": 0},
                   {"track": "callee", "sent": 190, "lost": 0, "unheard": 0}]}]
    assert [(one["sink"], one["files"]) for one in document["segments"]] == [("server", [])]
    assert {(gap["track"], gap["cause"]) for gap in document["gaps"]} == {
        (track, cause) for track in ("caller", "callee") for cause in ("carried", "uncarried")}
    kept = scene.kept()
    assert kept.result is not None
    assert (list(kept.files), kept.result["seconds"], kept.result["bytes"]) == (["manifest"], 4.0, 0)
    assert (scene.job().state, scene.leftovers()) == (JobState.DONE, [])


def test_so_it_is_where_recordings_are_encrypted_and_cleaned(tmp_path: Path, listener: Listener) -> None:
    key = tmp_path / "key"
    key.write_bytes(listener.public("listener@voice.example"))
    scene = served(tmp_path / "scene", SIPREC, *both_ways(0.2, 4.0), key=key, recorded=True)
    assert finished(scene) == ("ready", [])
    (stored,) = scene.visible().values()
    assert stored.name.endswith(".json.gpg")
    assert b'"target": "siprec"' in listener.opened(stored)


def test_a_program_is_run_with_the_manifest_and_without_any_file(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\nenv > "$1.env"\ncp "$2" "$1"\n')
    program.chmod(0o755)
    told = tmp_path / "told"
    scene = served(tmp_path / "scene", SIPREC, *both_ways(0.2, 4.0),
                   own=(Command("mine", (str(program), str(told)), 30.0),))
    assert finished(scene) == ("ready", [])
    assert json.loads(told.read_text())["sessions"][0]["server"] == "main"
    variables = (tmp_path / "told.env").read_text().splitlines()
    assert [one for one in variables if one.startswith("PHONOGRAPH_")] == [f"PHONOGRAPH_RECORDING={scene.recording}"]


def test_a_call_that_no_server_was_sent_and_no_file_has_says_so_for_each_track(tmp_path: Path) -> None:
    refused = session(up=None, ended=0.3, cause="503 Service Unavailable")
    assert finished(served(tmp_path, SIPREC, sessions=(refused,))) == ("incomplete", [
        f"No recording server was sent anything of track {track}: main: 503 Service Unavailable."
        for track in ("caller", "callee")])


def test_one_track_that_a_server_was_not_sent_makes_the_call_incomplete(tmp_path: Path) -> None:
    state, reasons = finished(served(tmp_path, SIPREC, sent(Direction.IN, 0.2, 4.0)))
    assert (state, reasons) == ("incomplete", ["No recording server was sent anything of track callee."])


def test_the_tap_of_the_callees_leg_feeds_the_other_track(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, sent(Direction.IN, 0.2, 4.0), segment={"side": "callee"})
    assert finished(scene)[1] == ["No recording server was sent anything of track caller."]


MIX: dict[str, Any] = {"source": Source(leg="id-alice", directions=(Direction.MIX,), sink=Sink.SERVER)}


def test_one_stream_with_everybody_on_it_proves_both_tracks(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, sent(Direction.MIX, 0.2, 4.0), segment=MIX)
    assert finished(scene) == ("ready", [])
    (told,) = scene.manifest()["sessions"]
    assert told["tracks"] == [{"track": "mixed", "sent": 190, "lost": 0, "unheard": 0}]
    assert [one["track"] for one in scene.manifest()["tracks"]] == ["caller", "callee"]


def test_what_one_stream_with_everybody_lacks_both_tracks_lack(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, sent(Direction.MIX, 0.2, 4.0, lost=10), segment=MIX)
    assert finished(scene) == ("incomplete", [
        f"10 packets of track {track} went to no recording server, though they should: 10 of them never came from the "
        "switch." for track in ("caller", "callee")])


def test_beside_one_stream_with_everybody_files_have_each_party(tmp_path: Path) -> None:
    scene = served(tmp_path, BOTH, sent(Direction.MIX, 0.2, 4.0), segment=MIX, file=(0.0, 4.0))
    scene.record()
    assert finished(scene) == ("ready", [])


def test_a_call_that_fell_back_into_files_is_ready_and_says_why(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, file=(1.1, 4.0), sessions=(session(up=None, cause="no answer"),))
    for number, name in enumerate(("in", "out")):
        scene.write(f"pbx/{name}.wav", wav_bytes(noise(2.9, number + 1)))
    assert finished(scene) == ("ready", [])
    document = scene.manifest()
    assert document["audio"] is not None
    notes = [finding["sentence"] for track in document["tracks"] for finding in track["findings"]]
    assert notes == [f"Files have 2.9 s of track {track}, while no recording server took it: main: no answer."
                     for track in ("caller", "callee")]


def test_a_file_that_takes_a_servers_place_has_to_be_whole(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, file=(1.1, 4.0), sessions=(session(up=None, cause="no answer"),))
    for number, name in enumerate(("in", "out")):
        scene.write(f"pbx/{name}.wav", wav_bytes(noise(1.9, number + 1)))
    state, reasons = finished(scene)
    assert state == "incomplete"
    assert "Track caller is 960 ms shorter than the clock says." in reasons
    assert any("into no file for 1.1 s" in reason for reason in reasons)


def test_a_server_that_ended_the_session_leaves_a_hole_until_the_file_begins(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, *both_ways(0.2, 1.0), file=(2.1, 4.0),
                   sessions=(session(ended=1.0, cause="it ended the session"),))
    for number, name in enumerate(("in", "out")):
        scene.write(f"pbx/{name}.wav", wav_bytes(noise(1.9, number + 1)))
    assert finished(scene) == ("incomplete", [
        f"Track {track} went to no recording server and into no file for 1.1 s: main: it ended the session."
        for track in ("caller", "callee")])


def test_the_next_server_goes_on_where_the_first_one_ended(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, *both_ways(0.2, 2.0), *both_ways(2.02, 4.0, session=SECOND),
                   sessions=(session(ended=2.0, cause="it ended the session"), session(SECOND, "second", up=2.0)))
    assert finished(scene) == ("ready", [])
    assert [one["server"] for one in scene.manifest()["sessions"]] == ["main", "second"]


def test_with_both_sinks_a_whole_file_does_not_excuse_a_server_that_got_nothing(tmp_path: Path) -> None:
    scene = served(tmp_path, BOTH, file=(0.0, 4.0), sessions=(session(up=None, cause="no answer"),))
    scene.record()
    assert finished(scene) == ("incomplete", [
        f"No recording server was sent anything of track {track}: main: no answer." for track in ("caller", "callee")])


def test_with_both_sinks_a_server_does_not_excuse_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert finished(served(tmp_path, BOTH, *both_ways(0.0, 4.0))) == ("incomplete", [
        "Track caller was never recorded.", "Track callee was never recorded.",
        "Track caller was not tapped for 4.0 s.", "Track callee was not tapped for 4.0 s."])


def test_with_both_sinks_whole_a_call_is_ready(tmp_path: Path) -> None:
    scene = served(tmp_path, BOTH, *both_ways(0.2, 4.0), file=(0.0, 4.0))
    scene.record()
    assert finished(scene) == ("ready", [])
    assert scene.manifest()["gaps"] == []


def test_with_both_sinks_there_has_to_be_a_tap_for_the_server_all_the_time(tmp_path: Path) -> None:
    scene = served(tmp_path, BOTH, *both_ways(0.2, 2.0), file=(0.0, 4.0), segment={"ended": BEGAN + 2})
    scene.record()
    assert finished(scene)[1] == [f"Track {track} went to no recording server for 2.0 s."
                                  for track in ("caller", "callee")]


@pytest.mark.parametrize("target", [SIPREC, BOTH])
def test_a_pause_is_a_loss_at_no_sink(tmp_path: Path, target: RecordingTarget) -> None:
    scene = served(tmp_path, target, *both_ways(0.2, 4.0), file=(0.0, 4.0) if target is BOTH else None)
    tap, *files = scene.call.recordings[0].segments
    later = replace(tap, id=f"{scene.recording}.7", started=BEGAN + 3, carried=both_ways(3.05, 4.0))
    scene.with_recording(segments=(replace(tap, ended=BEGAN + 2.2, carried=both_ways(0.2, 2.0)), later, *files))
    pause = Pause(owner="ivr", actor="dialplan", reason="", state=PauseState.RESUMED, asked=BEGAN + 2,
                  confirmed=BEGAN + 2.2, resumed=BEGAN + 3)
    scene.call = replace(scene.call, pauses=(pause,))
    scene.record()
    assert finished(scene) == ("ready", [])


def test_what_the_service_sent_in_a_life_that_was_killed_nobody_knows(tmp_path: Path) -> None:
    scene = served(tmp_path, SIPREC, segment={"ended": BEGAN + 2, "cause": RESTARTED})
    tap = scene.call.recordings[0].segments[0]
    again = replace(tap, id=f"{scene.recording}.7", started=BEGAN + 2.3, ended=BEGAN + 4, cause="hangup",
                    carried=both_ways(2.3, 4.0, session=SECOND))
    scene.with_recording(segments=(tap, again), sessions=(session(cause=RESTARTED), session(SECOND, "main", up=2.3)))
    state, reasons = finished(scene)
    assert state == "incomplete"
    assert "Track caller went to no recording server for 1.0 s: main: the service ended." in reasons


def test_a_tap_that_failed_says_why_no_server_got_anything(tmp_path: Path) -> None:
    scene = served(tmp_path, BOTH, file=(0.0, 4.0), sessions=(session(up=None),), segment={
        "state": SegmentState.FAILED, "started": None, "ended": None, "cause": "No port is free."})
    scene.record()
    assert finished(scene)[1][0] == "No recording server was sent anything of track caller: No port is free."


def test_what_a_server_says_is_no_mark_up_and_nobodys_address() -> None:
    assert plain("503 *@all* [x](http://y)\x1b[2J`") == "503 __all_ _x_(http://y)__2J_"
    assert plain("404 No such user +49301234567") == "404 No such user +_"
    assert len(plain("long " * 100)) <= 120


def test_a_call_that_the_engine_followed_into_a_file_and_to_a_server_is_ready(tmp_path: Path) -> None:
    """No server took it for eleven seconds; then one did until the end."""
    story, asked = talks(SIPREC)
    began = story.at
    tells(story, SessionState.TRYING)
    file = only(Attach, story.wait(1)).segment
    story.tap_up(file)
    story.wait(10)
    tells(story, SessionState.UP)
    story.tap_down(file)
    story.wait(10)
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.receive(TapDown(
        switch=SWITCH, at=story.at, sequence=story.next_sequence(), cause="hangup", segment=asked[Sink.SERVER],
        ended=story.at, carried=tuple(
            Carried(session=MAIN, direction=direction, first=began + 11.05, last=story.at - 0.02, received=497,
                    sent=497, unheard=0) for direction in (Direction.IN, Direction.OUT))))
    scene = Scene(tmp_path)
    recording = story.recording()
    # The story's switch names files of every tap.
    segments = tuple(replace(one, files=() if one.source.sink is Sink.SERVER else one.files)
                     for one in recording.segments)
    scene.call = replace(story.row(), switch="pbx", recordings=(replace(recording, segments=segments),))
    scene.recording = recording.id
    assert recording.state is RecordingState.PROCESSING
    for number, name in enumerate(("in", "out")):
        scene.write(f"phonograph/{file}-{name}.wav", wav_bytes(noise(10.0, number + 1)))
    assert finished(scene) == ("ready", [])
    assert [one["server"] for one in scene.manifest()["sessions"]] == ["main"]
    spans = [(gap["cause"], gap["startTime"][17:], gap["stopTime"][17:]) for gap in scene.manifest()["gaps"]
             if gap["track"] == "caller"]
    assert [cause for cause, _, _ in spans] == ["uncarried", "uncarried", "carried"]

"""Recording servers that somebody named: what each lacks, apart from files and from one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from policy.types import RecordingTarget
from recorder.model import Carried, ServerPause
from recorder.orders import NamedServer
from recorder.states import PauseState
from tests.processing.scene import BEGAN, Scene
from tests.processing.serving import MAIN, SECOND, both_ways, finished, served, session

SIPREC = RecordingTarget.SIPREC


def with_second(folder: Path, *carried: Carried, asked: float = 1.0, ended: float | None = None,
                silent: tuple[float, float] | None = None, of: str = "second") -> Scene:
    """A call of 4 s that `main` was sent whole, and `second` by its name as given.

    Args:
        asked, ended: from when to when (s) `second` was named. silent: a pause of the server `of`.
    """
    named = replace(session(SECOND, "second", up=asked + 0.1, ended=ended or 4.0), named=True, asked=BEGAN + asked)
    scene = served(folder, SIPREC, *carried, sessions=(session(ended=4.0), named))
    pauses = () if silent is None else (ServerPause(
        owner="ivr", actor="dialplan", reason="card", state=PauseState.RESUMED, asked=BEGAN + silent[0],
        confirmed=BEGAN + silent[0], resumed=BEGAN + silent[1], server=of),)
    scene.call = replace(scene.call, silences=pauses, named=(NamedServer(
        server="second", asked=BEGAN + asked, ended=None if ended is None else BEGAN + ended),))
    return scene


WHOLE = both_ways(0.1, 4.0)


def test_a_named_server_that_was_sent_its_time_is_no_reason_for_complaint(tmp_path: Path) -> None:
    scene = with_second(tmp_path, *WHOLE, *both_ways(1.1, 3.0, session=SECOND), ended=3.0)
    assert finished(scene) == ("ready", [])
    assert [(one["server"], one["named"]) for one in scene.manifest()["sessions"]] == [
        ("main", False), ("second", True)]


def test_a_named_server_that_was_sent_nothing_makes_the_recording_incomplete(tmp_path: Path) -> None:
    assert finished(with_second(tmp_path, *WHOLE)) == ("incomplete", [
        f"Recording server second was sent nothing of track {track}." for track in ("caller", "callee")])


def test_a_named_server_does_not_stand_in_for_those_of_policy(tmp_path: Path) -> None:
    state, reasons = finished(with_second(tmp_path, *both_ways(0.1, 4.0, session=SECOND), asked=0.0))
    assert state == "incomplete"
    assert reasons == [f"No recording server was sent anything of track {track}." for track in ("caller", "callee")]


def test_a_server_that_was_named_for_a_moment_had_no_time(tmp_path: Path) -> None:
    assert finished(with_second(tmp_path, *WHOLE, ended=2.2)) == ("ready", [])


def test_what_a_pause_kept_from_a_server_does_not_lack_there(tmp_path: Path) -> None:
    parts = (*both_ways(1.1, 2.0, session=SECOND), *both_ways(3.0, 4.0, session=SECOND))
    scene = with_second(tmp_path, *WHOLE, *parts, silent=(2.0, 3.0))
    assert finished(scene) == ("ready", [])
    (pause,) = scene.manifest()["serverPauses"]
    assert (pause["server"], pause["owner"], pause["reason"], pause["stopTime"]) == (
        "second", "ivr", "card", "2023-11-14T22:13:23.000Z")


def test_what_lacks_at_a_server_is_not_excused_by_the_pause_of_another(tmp_path: Path) -> None:
    parts = (*both_ways(1.1, 2.0, session=SECOND), *both_ways(3.0, 4.0, session=SECOND))
    state, reasons = finished(with_second(tmp_path, *WHOLE, *parts, silent=(2.0, 3.0), of="main"))
    assert state == "incomplete"
    assert "Track caller did not go to recording server second for 1.0 s." in reasons


def test_a_pause_of_a_server_that_policy_chose_excuses_what_lacks_there(tmp_path: Path) -> None:
    parts = (*both_ways(0.1, 2.0, session=MAIN), *both_ways(3.0, 4.0, session=MAIN))
    assert finished(with_second(tmp_path, *parts, *both_ways(1.1, 4.0, session=SECOND), silent=(2.0, 3.0),
                                of="main")) == ("ready", [])

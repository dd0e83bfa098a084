"""Where a recording goes, as people see it: in lists, in one recording, on Asterisk's console, in a call's story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.recordings import _goes_to, _lines, _no_file
from console.story import story as told
from console.text import when
from policy.types import RecordingTarget
from recorder.engine import Engine, Step
from recorder.events import CallEvent
from recorder.records import of_effect, of_event
from recorder.states import SessionState
from recorder.world import Limits
from service import views
from service.place import place
from service.running import running
from service.status import Status
from tests.recorder.story import SWITCH, Story
from tests.recorder.test_carrying import talks, target, tells

SIPREC, BOTH = RecordingTarget.SIPREC, RecordingTarget.BOTH


def goes(story: Story) -> dict[str, Any]:
    (row,) = running([story.row()])
    found: dict[str, Any] = row["goes_to"]
    return found


def refused(target: RecordingTarget = SIPREC) -> Story:
    """A call that the only server has refused, for longer than a call waits."""
    story, _ = talks(target, attached=2 if target is BOTH else 1)
    tells(story, SessionState.TRYING)
    tells(story, SessionState.OVER, cause="503 Service Unavailable")
    story.wait(1)
    return story


def test_a_call_in_files_has_nothing_to_do_with_servers() -> None:
    story, _ = talks(RecordingTarget.WAV)
    assert goes(story) == {"wanted": False, "server": None, "since": None, "file": True, "why": ""}
    assert _goes_to(goes(story)) == "file"
    assert " to " not in Status("main").body([story.row()])


def test_a_call_that_a_server_takes_names_it() -> None:
    story, _ = talks(BOTH, attached=2)
    tells(story, SessionState.UP)
    assert (goes(story)["server"], goes(story)["file"]) == ("main", True)
    assert _goes_to({**goes(story), "since": 1.0}) == f"main since {when(1.0)} and file"
    assert "recording to main and file" in Status("main").body([story.row()])


def test_while_a_server_is_awaited_nothing_has_the_call() -> None:
    story, _ = talks(SIPREC)
    assert _goes_to(goes(story)) == "nothing (no recording server has taken it yet)"


def test_a_call_that_fell_back_says_into_what_and_why() -> None:
    story = refused()
    assert _goes_to(goes(story)) == "file (main: 503 Service Unavailable)"
    assert "to no server and file" in Status("main").body([story.row()])


def test_one_recording_is_shown_with_its_sessions_and_what_each_tap_is_for() -> None:
    story = refused()
    call = story.row()
    view = {**views.recording(call, story.recording(), None, Path("/")), "artefacts": [], "job": None, "history": []}
    lines = _lines(view)
    assert f"{'target':<10} siprec" in lines
    assert f"{'goes to':<10} file (main: 503 Service Unavailable)" in lines
    assert f"{'session':<10} main over, - to -: 503 Service Unavailable" in lines
    assert [", for a recording server" in line for line in lines if line.startswith("segment")] == [True, False]


class Noting(Engine):
    """An engine whose steps are kept as a journal has them."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(SWITCH, limits)
        self.entries: list[dict[str, Any]] = []

    def receive(self, event: CallEvent, now: float) -> Step:
        """As every engine's."""
        step = super().receive(event, now)
        self.entries.append({"n": len(self.entries), "event": of_event(event),
                             "effects": [of_effect(effect) for effect in step.effects]})
        return step


def test_a_calls_journal_tells_of_servers_and_of_files_in_their_place() -> None:
    story = Story(target(SIPREC))
    story.engine = engine = Noting()
    story.talk()
    tells(story, SessionState.OVER, cause="503 Service Unavailable.")
    story.wait(1)
    tells(story, SessionState.UP, session="2@us", server="second")
    sentences = [sentence for _, sentence in told(views.call(story.row(), {}, Path("/")), engine.entries)]
    for said in ("A tap on alice for a recording server was asked for: segment 1.",
                 "The switch confirmed: segment 1 is being sent.",
                 "The session with recording server main is over: 503 Service Unavailable.",
                 "A tap on alice for files, as no recording server takes the call, was asked for: segment 2.",
                 "Recording server second takes it."):
        assert said in sentences, sentences


def test_of_one_mixed_stream_a_recordings_taps_and_its_calls_journal_say_so() -> None:
    story = Story(target(SIPREC))
    story.engine = engine = Noting(Limits(mixed_for_servers=True))
    story.talk()
    sentences = [sentence for _, sentence in told(views.call(story.row(), {}, Path("/")), engine.entries)]
    assert "A tap on both sides of alice, mixed, for a recording server was asked for: segment 1." in sentences
    shown = views.recording(story.row(), story.recording(), None, Path("/"))
    lines = _lines({**shown, "artefacts": [], "job": None, "history": []})
    assert [", mixed, for a recording server" in line for line in lines if line.startswith("segment")] == [True]


def test_without_a_journal_the_ledger_tells_of_the_sessions() -> None:
    story = refused()
    sentences = [sentence for _, sentence in told(views.call(story.row(), {}, Path("/")), [])]
    assert "Recording server main was asked to take it." in sentences
    assert place(story.row(), story.recording())["why"] == "main: 503 Service Unavailable"


def test_who_asks_for_a_file_of_what_went_to_a_server_is_told_where_it_is() -> None:
    session = {"server": "main", "up": 1.0}
    assert _no_file({"id": "r", "state": "ready", "sessions": [session, session]}, "mixed").message == (
        "That recording has no mixed file: it is ready, and went to main.")

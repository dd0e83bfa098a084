"""A recorded FreeSWITCH session, through protocol and translation, told to the engine of every switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from esl_app.messages import Event
from esl_app.translate import Translator
from policy.types import Decision
from recorder.effects import Attach
from recorder.engine import Limits
from recorder.ids import call_id, recording_id, segment_id
from tests.esl_app import captures
from tests.recorder.story import SWITCH, Story

SPOOL = "/var/spool/recorders/rec"
BOOT = "boot-1"


def segment(first_leg: str, number: int = 0) -> str:
    """The id of a segment of the first recording of the call that a leg (or a conference) opened."""
    return segment_id(recording_id(call_id(SWITCH, BOOT, first_leg), 0), number)


def with_headers(event: Event, headers: Mapping[str, str]) -> Event:
    """The event with some headers changed or added."""
    fields = {name: value for name, value in event.headers().items() if name not in headers}
    return replace(event, fields={**fields, **headers}, quoted=False)


def tagged(events: list[Event], names: Mapping[str, str]) -> Iterator[Event]:
    """The events as if our application had started the recordings: file name -> id of the segment."""
    for event in events:
        path = event.header("Record-File-Path") or event.header("Path") or ""
        name = names.get(path.rpartition("/")[2])
        if name is None:
            yield event
        elif event.name == "CUSTOM":
            yield with_headers(event, {"path": f"{SPOOL}/{name}.wav"})
        else:
            yield with_headers(event, {"recording-variable-recorder_id": name})


def replay(name: str, decision: Decision | None, *, trunks: tuple[str, ...] = (), boot: str = BOOT,
           recordings: Mapping[str, str] | None = None) -> Story:
    """Tell a whole session, deadlines in between included, and wait until nothing is open any more.

    Args:
        decision: what policy answers to every question.
        recordings: file name in the session -> id of our segment.
    """
    events = list(tagged(captures.events(name), recordings or {}))
    # A media bug goes on through a transfer.
    story = Story(decision, trunks=trunks, boot=boot, limits=Limits(renew_for_next_party=False))
    story.clock = (events[0].timestamp or 0) - 1_700_000_000.0
    story.connect()
    translator = Translator(SWITCH, SPOOL)
    for event in events:
        story.wait(max(0.0, (event.timestamp or 0) - story.at))
        for happened in translator.translate(event):
            story.receive(happened)
    story.wait(30)
    return story


def attached(story: Story) -> list[Attach]:
    """The taps that were asked for."""
    return [effect for effect in story.effects if isinstance(effect, Attach)]


def plain(headers: Mapping[str, str]) -> Event:
    """An event of our own making, at a fixed time."""
    given = {"Event-Date-Timestamp": "1795232667211020", "Event-Sequence": "7", "Core-UUID": "core", **headers}
    return Event(fields={name.lower(): value for name, value in given.items()}, quoted=False)

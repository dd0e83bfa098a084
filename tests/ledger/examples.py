"""Calls to save, and a ledger to save them in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from ledger import Ledger
from ledger.tables import metadata
from policy.types import Decision, Level, Media, RecordingProfile, Subject
from recorder.ids import call_id, recording_id, segment_id
from recorder.model import Call, Direction, Leg, LegState, Party, Recording, Segment, Source, TrackFile
from recorder.states import CallState, RecordingState, SegmentState

BEGAN = 1_700_000_000.0
RECORDED = Decision(record=True, media=frozenset({Media.AUDIO}), level=Level.USER, rule="user",
                    profile=RecordingProfile.ALWAYS, subject=Subject.CALLER, reason="alice is always recorded.")
SKIPPED = Decision(record=False, media=frozenset(), level=Level.SYSTEM, rule="system", profile=None, subject=None,
                   reason="Nobody has a permission, and the system records nothing.")


def open_ledger(folder: Path) -> Ledger:
    return Ledger.open(folder / "ledger.db")


@contextmanager
def emptied(database: str) -> Iterator[Ledger]:
    """A ledger without a row, whatever was in it."""
    with closing(Ledger.open(database)) as ledger:
        with ledger.transaction() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        yield ledger


def leg(name: str, *, trunk: bool = False) -> Leg:
    return Leg(id=f"id-{name}", name=f"PJSIP/{name}-01", state=LegState.UP, trunk=trunk,
               party=Party(number="1001", name=name.title(), user=name, domain="voice.example"))


def call(number: int = 0, *, state: CallState = CallState.ANSWERED, decision: Decision | None = RECORDED,
         recording: RecordingState | None = RecordingState.RECORDING, caller: str = "alice", callee: str = "bob",
         switch: str = "pbx") -> Call:
    """A call of two parties that began ``number`` seconds after BEGAN, with a recording of one segment."""
    own = call_id(switch, "boot", f"leg-{number}")
    legs = (leg(caller), leg(callee))
    plain = Call(id=own, switch=switch, boot="boot", first_leg=legs[0].id, state=state, legs=legs, decision=decision,
                 decided_for=(legs[0].id, legs[1].id) if decision else (), created=BEGAN + number,
                 answered=BEGAN + number + 1, connected=BEGAN + number + 1)
    return plain if recording is None else replace(plain, recordings=(recorded(own, recording, BEGAN + number),))


def recorded(own: str, state: RecordingState, at: float, number: int = 0) -> Recording:
    """A recording of one segment."""
    identity = recording_id(own, number)
    segment = Segment(id=segment_id(identity, 0), state=SegmentState.UP, side="caller", asked=at, started=at + 0.5,
                      source=Source(leg="id-alice", directions=(Direction.IN, Direction.OUT)),
                      files=(TrackFile(direction=Direction.IN, path=f"{identity}/0-in.wav"),
                             TrackFile(direction=Direction.OUT, path=f"{identity}/0-out.wav")))
    return Recording(id=identity, call=own, state=state, created=at, started=at + 0.5, segments=(segment,))


def in_state(given: Call, state: RecordingState) -> Call:
    """The call with its only recording in that state."""
    return replace(given, recordings=(replace(given.recordings[0], state=state),))

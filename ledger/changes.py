"""The changes of recordings, and which of them a channel has not told of yet: a cursor that misses no row.

On PostgreSQL a row can be seen after one with a higher id, when its transaction took longer. So the rows shortly before
the cursor are looked at again, and a delivery's unique key keeps each from being told of twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from ledger.tables import deliveries, recording_states, tellers
from ledger.upsert import insert_new
from recorder.states import Carrying, RecordingState

What = RecordingState | Carrying
"""What changes: the state of a recording, or whether a recording server takes it."""

AGAIN_ROWS = 1_000
AGAIN_S = 900.0
"""A row below the cursor is still found among so many rows, if its change is no older than so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """That a recording came to a state, or that a server takes it or none does, at ``at``. ``id``: of its row; higher
    ones of one recording are later."""

    id: int
    recording: str
    state: What
    at: float


def what(word: str) -> What:
    """The change that a word in the ledger stands for."""
    return Carrying(word) if word in set(Carrying) else RecordingState(word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """Changes that a channel has to tell of, and the ``position`` up to which they are all of them."""

    changes: Sequence[Change]
    position: int


# Statements are built once: building one costs more than running it.
_STATES, _OWN, _TOLD = recording_states.c, tellers.c, deliveries.c
_LAST = select(func.coalesce(func.max(_STATES.id), 0))
_TELLER = select(_OWN.begins, _OWN.position).where(_OWN.channel == bindparam("channel"))
_UNTOLD = (select(_STATES.id, _STATES.recording, _STATES.state, _STATES.at)
           .where(_STATES.id > bindparam("begins"), _STATES.state.in_(bindparam("states", expanding=True)),
                  or_(_STATES.id > bindparam("position"),
                      and_(_STATES.id > bindparam("again"), _STATES.at >= bindparam("since"))),
                  ~select(_TOLD.id).where(_TOLD.channel == bindparam("channel"), _TOLD.change == _STATES.id).exists())
           .order_by(_STATES.id).limit(bindparam("most")))
_MOVE = tellers.update().where(_OWN.channel == bindparam("of"), _OWN.position < bindparam("to")).values(
    position=bindparam("to"))


def begin(connection: Connection, channel: str) -> None:
    """Let a channel that is new tell of what changes from now on. One that is known goes on where it was."""
    last = connection.execute(_LAST).scalar_one()
    insert_new(connection, tellers, {"channel": channel, "begins": last, "position": last})


def untold(connection: Connection, channel: str, states: Collection[What], now: float, *,
           most: int = 500) -> Untold:
    """The changes to one of those states that the channel has no delivery for, oldest first."""
    begins, position = connection.execute(_TELLER, {"channel": channel}).one()
    # Before the rows themselves: what is committed in between has a higher id, or is found again.
    last = connection.execute(_LAST).scalar_one()
    found = connection.execute(_UNTOLD, {
        "channel": channel, "begins": begins, "position": position, "again": position - AGAIN_ROWS,
        "since": now - AGAIN_S, "states": sorted(state.value for state in states), "most": most}).all()
    changes = [Change(id=row.id, recording=row.recording, state=what(row.state), at=row.at) for row in found]
    return Untold(changes=changes, position=changes[-1].id if len(changes) == most else max(last, position))


def tell(connection: Connection, channel: str, told: Untold, now: float) -> None:
    """Make the deliveries of those changes, due at once, and move the cursor. A second time does nothing."""
    insert_new(connection, deliveries, *(
        {"channel": channel, "change": change.id, "recording": change.recording, "state": change.state.value,
         "created": now, "run_at": now, "attempts": 0, "status": "waiting", "note": "", "progress": {}}
        for change in told.changes))
    connection.execute(_MOVE, {"of": channel, "to": told.position})


def get(connection: Connection, number: int) -> Change:
    """The change of that id, which exists."""
    row = connection.execute(select(recording_states).where(_STATES.id == number)).one()
    return Change(id=row.id, recording=row.recording, state=what(row.state), at=row.at)

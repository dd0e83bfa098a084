"""A channel is told of every change once: also of one that becomes visible late, and of none before its time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from ledger import Ledger, calls, changes, deliveries, recordings
from ledger.changes import Untold
from ledger.tables import recording_states
from recorder.states import RecordingInput, RecordingState
from tests.ledger.examples import call, open_ledger
from tests.postgres import PostgresServer

NOW = 1_700_000_100.0
EVERY = frozenset(RecordingState)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Each test on both databases."""
    if request.param == "sqlite":
        opened = open_ledger(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        opened = Ledger.open(server.database())
    yield opened
    opened.close()


def _ended(ledger: Ledger, number: int = 0) -> str:
    made = call(number, recording=RecordingState.ENDED)
    with ledger.transaction() as connection:
        calls.save(connection, [made], NOW)
    return made.recordings[0].id


def _move(ledger: Ledger, recording: str, given: RecordingInput) -> None:
    with ledger.transaction() as connection:
        recordings.move(connection, recording, given, NOW)


def _begin(ledger: Ledger, channel: str = "mail") -> None:
    with ledger.transaction() as connection:
        changes.begin(connection, channel)


def _untold(ledger: Ledger, channel: str = "mail", states: frozenset[RecordingState] = EVERY, now: float = NOW,
            most: int = 500) -> Untold:
    with ledger.reading() as connection:
        return changes.untold(connection, channel, states, now, most=most)


def _tell(ledger: Ledger, channel: str = "mail", states: frozenset[RecordingState] = EVERY,
          most: int = 500) -> list[changes.What]:
    """Look, and make the deliveries; the states that were found."""
    found = _untold(ledger, channel, states, most=most)
    with ledger.transaction() as connection:
        changes.tell(connection, channel, found, NOW)
    return [change.state for change in found.changes]


def test_a_new_channel_is_told_nothing_of_what_was_before_it(ledger: Ledger) -> None:
    recording = _ended(ledger)
    _begin(ledger)
    assert _tell(ledger) == []
    _move(ledger, recording, RecordingInput.PROCESS)
    assert _tell(ledger) == [RecordingState.PROCESSING]


def test_a_channel_that_is_known_goes_on_where_it_was(ledger: Ledger) -> None:
    _begin(ledger)
    _ended(ledger)
    _begin(ledger)
    assert _tell(ledger) == [RecordingState.ENDED]


def test_a_change_is_told_once_to_each_channel(ledger: Ledger) -> None:
    _begin(ledger)
    _begin(ledger, "amqp")
    _ended(ledger)
    assert _tell(ledger) == [RecordingState.ENDED]
    assert _tell(ledger) == []
    assert _tell(ledger, "amqp") == [RecordingState.ENDED]


def test_two_services_that_look_at_once_make_one_delivery(ledger: Ledger) -> None:
    _begin(ledger)
    _ended(ledger)
    first, second = _untold(ledger), _untold(ledger)
    for found in (first, second):
        with ledger.transaction() as connection:
            changes.tell(connection, "mail", found, NOW)
    with ledger.reading() as connection:
        assert len(deliveries.listing(connection)) == 1


def test_only_the_states_that_are_asked_for_are_told(ledger: Ledger) -> None:
    _begin(ledger)
    recording = _ended(ledger)
    _move(ledger, recording, RecordingInput.PROCESS)
    assert _tell(ledger, states=frozenset({RecordingState.PROCESSING})) == [RecordingState.PROCESSING]


def test_more_changes_than_fit_into_one_look_are_all_told_in_order(ledger: Ledger) -> None:
    _begin(ledger)
    recording = _ended(ledger)
    for given in (RecordingInput.PROCESS, RecordingInput.SHORT, RecordingInput.AGAIN):
        _move(ledger, recording, given)
    told = [_tell(ledger, most=3), _tell(ledger, most=3)]
    assert told == [[RecordingState.ENDED, RecordingState.PROCESSING, RecordingState.INCOMPLETE],
                    [RecordingState.PROCESSING]]


def _add(connection: Connection, recording: str, at: float, row: int | None = None) -> None:
    connection.execute(insert(recording_states), {
        "recording": recording, "state": "processing", "at": at, **({"id": row} if row is not None else {})})


def test_a_change_that_becomes_visible_after_a_later_one_is_told(postgres: PostgresServer) -> None:
    """Two transactions on PostgreSQL: the first takes its row's id first, and commits last."""
    ledger = Ledger.open(postgres.database())
    _begin(ledger)
    recording = _ended(ledger)
    _tell(ledger)
    with ledger.transaction() as slow:
        _add(slow, recording, NOW)
        with ledger.transaction() as quick:
            _add(quick, recording, NOW)
        quick_one = _untold(ledger)
        with ledger.transaction() as connection:
            changes.tell(connection, "mail", quick_one, NOW)
    late = _untold(ledger)
    assert len(quick_one.changes) == len(late.changes) == 1
    assert late.changes[0].id < quick_one.changes[0].id
    ledger.close()


def test_a_state_that_is_told_of_from_today_on_brings_no_old_news(ledger: Ledger) -> None:
    _begin(ledger)
    _ended(ledger)
    _tell(ledger, states=frozenset({RecordingState.READY}))
    later = _untold(ledger, now=NOW + changes.AGAIN_S + 1)
    assert later.changes == []

"""A delivery has one sender at a time; a dead sender's is taken over; a failed one stays on its list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from faults import LeaseLost, NotFound, ReceiverUnreachable
from ledger import Ledger, calls, changes, deliveries
from ledger.deliveries import Delivery, Status
from recorder.states import RecordingState
from tests.ledger.examples import call, open_ledger
from tests.postgres import PostgresServer

NOW, LEASE = 1_700_000_100.0, 30.0
FAULT = ReceiverUnreachable("nobody there")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Each test on both databases, with four deliveries of the channel ``mail`` that are due."""
    if request.param == "sqlite":
        opened = open_ledger(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        opened = Ledger.open(server.database())
    with opened.transaction() as connection:
        changes.begin(connection, "mail")
        calls.save(connection, [call(number, recording=RecordingState.ENDED) for number in range(4)], NOW)
        changes.tell(connection, "mail", changes.untold(connection, "mail", frozenset(RecordingState), NOW), NOW)
    yield opened
    opened.close()


def _claim(ledger: Ledger, owner: str = "one", now: float = NOW, most: int = 1) -> list[Delivery]:
    with ledger.transaction() as connection:
        return deliveries.claim(connection, "mail", owner, now, LEASE, most=most)


def _do(ledger: Ledger, work: Callable[[Connection], object]) -> None:
    with ledger.transaction() as connection:
        work(connection)


def _get(ledger: Ledger, number: int) -> Delivery:
    with ledger.reading() as connection:
        return deliveries.get(connection, number)


def test_no_more_are_claimed_than_are_asked_for_and_the_oldest_first(ledger: Ledger) -> None:
    first, second = _claim(ledger, most=3), _claim(ledger, "two", most=3)
    assert [len(first), len(second)] == [3, 1]
    assert [one.id for one in first + second] == sorted(one.id for one in first + second)
    assert _claim(ledger, most=0) == []


def test_another_channels_are_not_claimed(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        assert deliveries.claim(connection, "amqp", "one", NOW, LEASE, most=9) == []


def test_one_that_is_claimed_is_nobody_elses_until_its_lease_is_out(ledger: Ledger) -> None:
    held = _claim(ledger, most=4)
    assert _claim(ledger, "two", NOW + LEASE) == []
    taken = _claim(ledger, "two", NOW + LEASE + 1, most=4)
    assert {one.id for one in taken} == {one.id for one in held}
    assert {one.attempts for one in taken} == {2}


def test_who_has_lost_the_lease_changes_nothing_any_more(ledger: Ledger) -> None:
    (held,) = _claim(ledger)
    (taken,) = [one for one in _claim(ledger, "two", NOW + LEASE + 1, most=4) if one.id == held.id]
    for late in (lambda connection: deliveries.done(connection, held, "sent"),
                 lambda connection: deliveries.retry(connection, held, FAULT, NOW),
                 lambda connection: deliveries.keep(connection, held, {}, NOW, LEASE)):
        with pytest.raises(LeaseLost):
            _do(ledger, late)
    assert _get(ledger, held.id) == taken


def test_one_that_failed_waits_for_its_time_and_says_why(ledger: Ledger) -> None:
    held = _claim(ledger, most=4)
    for one in held:
        _do(ledger, lambda connection, one=one: deliveries.retry(connection, one, FAULT, NOW + 50))  # type: ignore[misc]
    assert _claim(ledger, now=NOW + 49) == []
    with ledger.reading() as connection:
        assert deliveries.next_due(connection, "mail") == NOW + 50
    fault = _get(ledger, held[0].id).fault
    assert fault is not None
    assert fault["id"] == "notice.unreachable"
    assert len(_claim(ledger, now=NOW + 50, most=4)) == 4


def test_progress_is_kept_and_holds_the_lease(ledger: Ledger) -> None:
    (held,) = _claim(ledger)
    _do(ledger, lambda connection: deliveries.keep(connection, held, {"upload": "u1"}, NOW + 20, LEASE))
    found = _get(ledger, held.id)
    assert (found.progress, found.lease_until) == ({"upload": "u1"}, NOW + 20 + LEASE)
    _do(ledger, lambda connection: deliveries.done(connection, held, "posted"))
    assert _get(ledger, held.id).note == "posted"


def test_one_that_was_broken_off_is_due_at_once_and_its_attempt_does_not_count(ledger: Ledger) -> None:
    (held,) = _claim(ledger)
    _do(ledger, lambda connection: deliveries.release(connection, held, NOW))
    (again,) = [one for one in _claim(ledger, "two", most=4) if one.id == held.id]
    assert again.attempts == 1


def test_the_failed_list_holds_what_was_given_up_until_somebody_asks_again(ledger: Ledger) -> None:
    (held,) = _claim(ledger)
    _do(ledger, lambda connection: deliveries.give_up(connection, held, FAULT))
    with ledger.reading() as connection:
        assert [one.id for one in deliveries.listing(connection, status=Status.FAILED)] == [held.id]
        assert deliveries.counts(connection) == {("mail", Status.FAILED): 1, ("mail", Status.WAITING): 3}
    _do(ledger, lambda connection: deliveries.retry_failed(connection, held.id, NOW + 9))
    again = _get(ledger, held.id)
    assert (again.status, again.attempts, again.run_at) == (Status.WAITING, 0, NOW + 9)
    with pytest.raises(NotFound):
        _do(ledger, lambda connection: deliveries.retry_failed(connection, held.id, NOW + 9))


def test_what_is_done_is_forgotten_after_a_time_and_what_failed_is_not(ledger: Ledger) -> None:
    told, failed = _claim(ledger, most=2)
    _do(ledger, lambda connection: deliveries.done(connection, told, "sent"))
    _do(ledger, lambda connection: deliveries.give_up(connection, failed, FAULT))
    _do(ledger, lambda connection: deliveries.forget(connection, NOW))
    assert _get(ledger, told.id).status is Status.DONE
    _do(ledger, lambda connection: deliveries.forget(connection, NOW + 1))
    with pytest.raises(NotFound):
        _get(ledger, told.id)
    assert _get(ledger, failed.id).status is Status.FAILED

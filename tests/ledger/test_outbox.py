"""Effects wait in the ledger, in order, until they were performed."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import Ledger, outbox
from recorder.effects import EFFECTS, Effect, Finish, Resync
from tests.ledger.examples import emptied
from tests.ledger.strategies import values

FINISHES = [Finish(call=f"c{number}", recording=f"r{number}") for number in range(3)]


@given(st.lists(st.one_of([values(kind) for kind in EFFECTS]), max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_effects_come_back_exactly(database: str, effects: list[Effect]) -> None:
    with emptied(database) as ledger:
        with ledger.transaction() as connection:
            outbox.add(connection, effects, 5.0)
        with ledger.reading() as connection:
            assert [waiting.effect for waiting in outbox.pending(connection)] == effects


def test_effects_wait_in_their_order(ledger: Ledger) -> None:
    effects: list[Effect] = [*FINISHES, Resync(reason="overflow")]
    with ledger.transaction() as connection:
        ids = outbox.add(connection, effects, 5.0)
    with ledger.reading() as connection:
        waiting = outbox.pending(connection)
    assert ids == sorted(ids)
    assert [(each.id, each.effect, each.created) for each in waiting] == [
        (own, effect, 5.0) for own, effect in zip(ids, effects, strict=True)]


def test_a_performed_effect_waits_no_more(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        ids = outbox.add(connection, FINISHES, 5.0)
        outbox.performed(connection, ids[:2], 6.0)
        assert [each.effect for each in outbox.pending(connection)] == FINISHES[2:]


def test_no_effects_are_no_statement(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        assert outbox.add(connection, [], 5.0) == []


def test_only_what_was_performed_before_is_forgotten(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        first, then, _ = outbox.add(connection, FINISHES, 5.0)
        outbox.performed(connection, [first], 6.0)
        outbox.performed(connection, [first, then], 9.0)
        assert outbox.forget(connection, 7.0) == 1
        assert [each.effect for each in outbox.pending(connection)] == FINISHES[2:]
        assert outbox.forget(connection, 10.0) == 1

"""Effects, stored in the transaction of the change that caused them, until they were performed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from ledger.tables import outbox
from recorder import records
from recorder.effects import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An effect that waits to be performed."""

    id: int
    effect: Effect
    created: float


# Statements are built once: building one costs more than running it.
_ADD = outbox.insert().returning(outbox.c.id, sort_by_parameter_order=True)
_PERFORMED = outbox.update().where(outbox.c.id == bindparam("row"), outbox.c.performed.is_(None)).values(
    performed=bindparam("now"))


def add(connection: Connection, effects: Sequence[Effect], now: float) -> list[int]:
    """Store effects, in order.

    Returns:
        Their ids, in the same order; they grow.
    """
    if not effects:
        return []
    stored = connection.execute(
        _ADD,
        [{"call": getattr(effect, "call", None), "kind": type(effect).__name__, "body": records.of_effect(effect),
          "created": now, "performed": None} for effect in effects])
    return list(stored.scalars())


def performed(connection: Connection, ids: Iterable[int], now: float) -> None:
    """Say that effects were performed. A second time changes nothing."""
    if rows := [{"row": number, "now": now} for number in ids]:
        connection.execute(_PERFORMED, rows)


def pending(connection: Connection) -> list[Pending]:
    """The effects that were not performed, in the order in which they were stored."""
    found = connection.execute(select(outbox).where(outbox.c.performed.is_(None)).order_by(outbox.c.id))
    return [Pending(id=row.id, effect=records.effect(row.body), created=row.created) for row in found]


def forget(connection: Connection, before: float) -> int:
    """Take away what was performed before that time.

    Returns:
        How many there were.
    """
    return connection.execute(outbox.delete().where(outbox.c.performed < before)).rowcount

"""Deliveries: telling one receiver of one change of a recording. The row is the truth, as it is for a job.

A delivery is ``waiting`` until ``run_at``, ``running`` while a sender holds its lease, then ``done`` or ``failed``. A
sender that dies leaves a lease that runs out: the receiver is then told again, under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, or_, select, union_all

from faults import Fault, LeaseLost, NotFound
from ledger.changes import What, what
from ledger.tables import Json, deliveries


class Status(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One receiver and one change.

    Attributes:
        channel: who is told, by its name in the settings (``mail``, ``webhook:NAME`` ...).
        change: the row of ``recording_states``. state: what was changed then.
        attempts: how often it was begun. created, run_at, lease_until: seconds since the epoch (UTC).
        note: how it went, once it is done.
        fault: the last fault, as ``faults.Fault.as_dict`` gives it.
        progress: what the channel has done of it already.
    """

    id: int
    channel: str
    change: int
    recording: str
    state: What
    created: float
    run_at: float
    attempts: int
    status: Status
    lease_until: float | None
    owner: str | None
    note: str
    fault: dict[str, Json] | None
    progress: dict[str, Json]


# Statements are built once: building one costs more than running it.
_D = deliveries.c
_DUE = (select(_D.id).where(_D.channel == bindparam("of"), or_(
    and_(_D.status == Status.WAITING.value, _D.run_at <= bindparam("now")),
    and_(_D.status == Status.RUNNING.value, _D.lease_until < bindparam("now"))))
    .order_by(_D.run_at, _D.id).limit(bindparam("most")).with_for_update(skip_locked=True))
_CLAIM = (deliveries.update().where(_D.id.in_(_DUE))
          .values(status=Status.RUNNING.value, attempts=_D.attempts + 1, owner=bindparam("new_owner"),
                  lease_until=bindparam("new_lease")).returning(*_D))
_NEXT = union_all(*(select(func.min(column)).where(_D.channel == bindparam("of"), _D.status == status.value)
                    for column, status in ((_D.run_at, Status.WAITING), (_D.lease_until, Status.RUNNING))))
_HELD = deliveries.update().where(
    _D.id == bindparam("held_id"), _D.status == Status.RUNNING.value, _D.owner == bindparam("held_by"),
    _D.attempts == bindparam("held_attempts"))


def claim(connection: Connection, channel: str, owner: str, now: float, lease: float, *, most: int) -> list[Delivery]:
    """Take the deliveries of a channel that are due for longest: those that wait, and those whose sender let its lease
    run out.

    Args:
        owner: the sender's name, its own among all senders.
        lease: how long it may hold them, in seconds.
        most: how many at most.
    """
    if most <= 0:
        return []
    found = connection.execute(_CLAIM, {"of": channel, "now": now, "new_owner": owner, "new_lease": now + lease,
                                        "most": most}).mappings().all()
    return sorted((_delivery(row) for row in found), key=lambda one: (one.run_at, one.id))


def keep(connection: Connection, delivery: Delivery, progress: dict[str, Json], now: float, lease: float) -> Delivery:
    """Write down how far a delivery has come, and hold it for ``lease`` seconds from now.

    Raises:
        LeaseLost: another sender has it. So do the others below.
    """
    return _change(connection, delivery, progress=progress, lease_until=now + lease)


def done(connection: Connection, delivery: Delivery, note: str) -> None:
    """End a delivery: the receiver knows, or there is nobody to tell; ``note`` says which."""
    _change(connection, delivery, status=Status.DONE, owner=None, lease_until=None, note=note, fault=None)


def retry(connection: Connection, delivery: Delivery, fault: Fault, run_at: float) -> None:
    """Let go of a delivery that failed; it is due again at ``run_at``."""
    _change(connection, delivery, status=Status.WAITING, run_at=run_at, owner=None, lease_until=None,
            fault=cast(dict[str, Json], fault.as_dict()))


def give_up(connection: Connection, delivery: Delivery, fault: Fault) -> None:
    """Put a delivery on the failed list."""
    _change(connection, delivery, status=Status.FAILED, owner=None, lease_until=None,
            fault=cast(dict[str, Json], fault.as_dict()))


def release(connection: Connection, delivery: Delivery, now: float) -> None:
    """Let go of a delivery that was broken off; it is due at once, and this claim does not count."""
    _change(connection, delivery, status=Status.WAITING, run_at=now, owner=None, lease_until=None,
            attempts=delivery.attempts - 1)


def retry_failed(connection: Connection, number: int, now: float) -> None:
    """Take a delivery off the failed list: it is due at once.

    Raises:
        NotFound: no failed delivery has that id.
    """
    changed = connection.execute(deliveries.update().where(_D.id == number, _D.status == Status.FAILED.value),
                                 {"status": Status.WAITING.value, "attempts": 0, "run_at": now})
    if changed.rowcount == 0:
        raise NotFound("No failed notice has that number.", notice=number)


def get(connection: Connection, number: int) -> Delivery:
    """A delivery.

    Raises:
        NotFound: there is none of that id.
    """
    row = connection.execute(select(deliveries).where(_D.id == number)).mappings().one_or_none()
    if row is None:
        raise NotFound("No notice has that number.", notice=number)
    return _delivery(row)


def listing(connection: Connection, *, status: Status | None = None, channel: str | None = None,
            recording: str | None = None, limit: int = 100) -> list[Delivery]:
    """Deliveries, newest first; ``status=FAILED`` is the failed list. None means all."""
    wanted = {"status": status.value if status else None, "channel": channel, "recording": recording}
    found = connection.execute(
        select(deliveries).where(*(_D[name] == value for name, value in wanted.items() if value is not None))
        .order_by(_D.id.desc()).limit(limit)).mappings()
    return [_delivery(row) for row in found]


def counts(connection: Connection) -> dict[tuple[str, Status], int]:
    """How many deliveries each channel has in each status."""
    found = connection.execute(select(_D.channel, _D.status, func.count()).group_by(_D.channel, _D.status))
    return {(channel, Status(status)): number for channel, status, number in found}


def next_due(connection: Connection, channel: str) -> float | None:
    """When the next delivery of a channel can be claimed, in seconds since the epoch (it may be past); None if none is
    open."""
    found = connection.execute(_NEXT, {"of": channel}).scalars()
    return min((at for at in found if at is not None), default=None)


def forget(connection: Connection, before: float) -> int:
    """Take away the deliveries that were made before that time and are done.

    Returns:
        How many there were.
    """
    return connection.execute(deliveries.delete().where(
        _D.status == Status.DONE.value, _D.created < before)).rowcount


def _change(connection: Connection, delivery: Delivery, **changes: Any) -> Delivery:
    """Change a delivery that we hold; what it is now."""
    values = {name: value.value if isinstance(value, Status) else value for name, value in changes.items()}
    changed = connection.execute(_HELD, {
        **values, "held_id": delivery.id, "held_by": delivery.owner, "held_attempts": delivery.attempts})
    if changed.rowcount == 0:
        raise LeaseLost("Another sender has taken the notice over.", notice=delivery.id)
    return replace(delivery, **changes)


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(**{**row, "status": Status(row["status"]), "state": what(row["state"])})

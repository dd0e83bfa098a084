"""The outbox of jobs: which ones a queue is to be told of. The row of a job stays the truth; a queue carries ids only.

A job is told of when it can be claimed (``jobs.publish_at``), and again after a while, should the queue have lost it.
Several processes may tell: none waits for another, and no two take the same job.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, case, func, null, select

from ledger.jobs import JobState
from ledger.tables import jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A job that can be claimed: by workers of ``node``, or of any machine if that is None."""

    recording: str
    node: str | None


_TAKEN = (select(jobs.c.recording).where(jobs.c.publish_at <= bindparam("now"))
          .order_by(jobs.c.publish_at, jobs.c.recording).limit(bindparam("most")).with_for_update(skip_locked=True)
          .cte("taken"))
_TAKE = (jobs.update().where(jobs.c.recording.in_(select(_TAKEN.c.recording)))
         .values(publish_at=bindparam("unless_told")).returning(jobs.c.recording, jobs.c.node, jobs.c.anywhere))
_TOLD = jobs.update().where(
    jobs.c.recording == bindparam("told"), jobs.c.publish_at == bindparam("unless_told")).values(
    publish_at=bindparam("next"))


def take(connection: Connection, now: float, *, within: float, most: int) -> list[Due]:
    """Take jobs to tell a queue of.

    Args:
        within: seconds after which they are taken again unless :func:`told` was called.
        most: how many at once.
    """
    rows = connection.execute(_TAKE, {"now": now, "most": most, "unless_told": now + within})
    return [Due(recording=row.recording, node=None if row.anywhere else row.node) for row in rows]


def told(connection: Connection, recordings: Iterable[str], *, taken: float, within: float, again: float) -> None:
    """A queue has confirmed these. What was claimed, or came to another time meanwhile, is not touched.

    Args:
        taken, within: ``now`` and ``within`` of :func:`take`.
        again: when they are told again, should nobody have claimed them by then.
    """
    if rows := [{"told": recording, "unless_told": taken + within, "next": again} for recording in recordings]:
        connection.execute(_TOLD, rows)


_UNCLAIMED = and_(jobs.c.state == JobState.WAITING.value, jobs.c.run_at <= bindparam("since"),
                  jobs.c.publish_at > bindparam("now"))
_NODE = case((jobs.c.anywhere.is_(True), null()), else_=jobs.c.node)
_WAITING = select(_NODE).where(_UNCLAIMED).distinct()
_LOST = jobs.update().where(
    _UNCLAIMED, _NODE.is_not_distinct_from(bindparam("of_node", type_=jobs.c.node.type))).values(
    publish_at=bindparam("now"))


def waiting(connection: Connection, since: float, now: float) -> list[str | None]:
    """The nodes of jobs that a queue was told of, and that could be claimed since that time."""
    return list(connection.execute(_WAITING, {"since": since, "now": now}).scalars())


def lost(connection: Connection, node: str | None, since: float, now: float) -> None:
    """Those of a node are to be told again now: their queue is empty."""
    connection.execute(_LOST, {"of_node": node, "since": since, "now": now})


def next_at(connection: Connection) -> float | None:
    """When the next job is to be told of; None if there is none."""
    found: float | None = connection.execute(select(func.min(jobs.c.publish_at))).scalar_one()
    return found

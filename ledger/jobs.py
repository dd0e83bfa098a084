"""Jobs: the work on a recording after the call. The row is the truth; whoever holds its lease may work on it.

A job is ``waiting`` until ``run_at``, ``running`` while a worker holds the lease, then ``done`` or ``failed``. A worker
that dies leaves a lease that runs out; the job is then claimed again, at the step that was not committed. ``attempts``
counts the claims since the last success of a step, so that a step which kills its worker is given up too.

A job belongs to the ``node`` that has its recorded files; only workers of that name claim it, unless the next step
needs none of the files (``anywhere``). A job without a node is anybody's, and a worker without one takes any.
``publish_at`` says when a queue is told of the job (``ledger.publishing``): as soon as it can be claimed, so it goes
with ``run_at`` and ``lease_until``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    RowMapping,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
)

from faults import Fault, LeaseLost, MediaFault, NotFound
from ledger import recordings
from ledger.tables import Json, jobs
from ledger.tables import recordings as of_recordings
from ledger.upsert import insert_new
from recorder.states import RecordingInput, RecordingState


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The work on one recording.

    Attributes:
        step: the next step to run; empty before the first step is finished.
        attempts: how often that step was begun. created, run_at, lease_until: seconds since the epoch (UTC).
        fault: the last fault, as ``faults.Fault.as_dict`` gives it.
        facts: what each finished step found, by the step's name.
        node: the machine with the recorded files; None if any has them. anywhere: whether the next step needs none.
    """

    recording: str
    state: JobState
    step: str
    attempts: int
    created: float
    run_at: float
    lease_until: float | None
    owner: str | None
    fault: dict[str, Json] | None
    facts: dict[str, dict[str, Json]]
    node: str | None
    anywhere: bool


# Statements are built once: building one costs more than running it.
_DUE = or_(and_(jobs.c.state == JobState.WAITING.value, jobs.c.run_at <= bindparam("now")),
           and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_until < bindparam("now")))
_OURS = or_(jobs.c.node.is_(None), jobs.c.node == bindparam("here"), jobs.c.anywhere.is_(True))


def _claiming(*conditions: ColumnElement[bool], passing_by: bool = True) -> Update:
    """A claim. Who looks for any job passes by what somebody else is just changing; who was told of one waits."""
    due = (select(jobs.c.recording).where(_DUE, *conditions).order_by(jobs.c.run_at, jobs.c.recording).limit(1)
           .with_for_update(skip_locked=passing_by).scalar_subquery())
    return (jobs.update().where(jobs.c.recording == due)
            .values(state=JobState.RUNNING.value, attempts=jobs.c.attempts + 1, owner=bindparam("new_owner"),
                    lease_until=bindparam("new_lease"), publish_at=bindparam("new_lease")).returning(*_COLUMNS))


def _next(*conditions: ColumnElement[bool]) -> CompoundSelect[Any]:
    return union_all(*(select(func.min(column)).where(jobs.c.state == state.value, *conditions) for column, state in (
        (jobs.c.run_at, JobState.WAITING), (jobs.c.lease_until, JobState.RUNNING))))


_COLUMNS = tuple(jobs.c[field.name] for field in fields(Job))
_ONE = jobs.c.recording == bindparam("only")
_CLAIM, _CLAIM_OURS = _claiming(), _claiming(_OURS)
_CLAIM_ONE, _CLAIM_ONE_OURS = _claiming(_ONE, passing_by=False), _claiming(_ONE, _OURS, passing_by=False)
_NEXT, _NEXT_OURS = _next(), _next(_OURS)
_HELD = jobs.update().where(
    jobs.c.recording == bindparam("held_recording"), jobs.c.state == JobState.RUNNING.value,
    jobs.c.owner == bindparam("held_by"), jobs.c.attempts == bindparam("held_attempts"),
    jobs.c.step == bindparam("held_step"))


def enqueue(connection: Connection, recording: str, now: float, node: str | None = None) -> None:
    """Let the job of a recording begin. A recording has one job: a second call changes nothing.

    Args:
        node: the machine that has the recorded files.
    """
    insert_new(connection, jobs, {"recording": recording, "state": JobState.WAITING.value, "step": "", "attempts": 0,
                                  "created": now, "run_at": now, "publish_at": now, "facts": {}, "node": node})


def claim(connection: Connection, owner: str, now: float, lease: float, node: str | None = None) -> Job | None:
    """Take the job that is due for longest: one that waits, or one whose worker let its lease run out.

    Args:
        owner: the worker's name, its own among all workers.
        lease: how long the worker may hold it without renewing, in seconds.
        node: the worker's machine; None takes the jobs of any.
    """
    values = {"now": now, "new_owner": owner, "new_lease": now + lease}
    return _claimed(connection, _CLAIM, values) if node is None else _claimed(
        connection, _CLAIM_OURS, {**values, "here": node})


def claim_one(connection: Connection, recording: str, owner: str, now: float, lease: float,
              node: str | None = None) -> Job | None:
    """Take the job of that recording, if it is due and nobody has it. The rest is as in :func:`claim`."""
    values = {"now": now, "new_owner": owner, "new_lease": now + lease, "only": recording}
    return _claimed(connection, _CLAIM_ONE, values) if node is None else _claimed(
        connection, _CLAIM_ONE_OURS, {**values, "here": node})


def _claimed(connection: Connection, statement: Update, values: dict[str, object]) -> Job | None:
    row = connection.execute(statement, values).mappings().one_or_none()
    return _job(row) if row is not None else None


def renew(connection: Connection, job: Job, now: float, lease: float) -> Job:
    """Hold a job for ``lease`` seconds from now.

    Raises:
        LeaseLost: another worker has it, or it is over. So do the others below.
    """
    return _change(connection, job, lease_until=now + lease, publish_at=now + lease)


def advance(connection: Connection, job: Job, facts: dict[str, dict[str, Json]], then: str, now: float,
            lease: float, *, anywhere: bool = False) -> Job:
    """Keep what the steps have found so far, and come to step ``then``, with a fresh lease and a fresh count of
    attempts.

    Args:
        anywhere: whether that step needs none of the files of the job's node.
    """
    return _change(connection, job, facts=facts, step=then, attempts=1, fault=None, anywhere=anywhere,
                   lease_until=now + lease, publish_at=now + lease)


def retry(connection: Connection, job: Job, fault: Fault, run_at: float) -> None:
    """Let go of a job whose step failed; it is due again at ``run_at``."""
    _change(connection, job, state=JobState.WAITING, run_at=run_at, publish_at=run_at, owner=None, lease_until=None,
            fault=cast(dict[str, Json], fault.as_dict()))


def release(connection: Connection, job: Job, now: float) -> None:
    """Let go of a job between two steps; it is due at once, and this claim does not count."""
    _change(connection, job, state=JobState.WAITING, run_at=now, publish_at=now, owner=None, lease_until=None,
            attempts=job.attempts - 1)


def put_off(connection: Connection, job: Job, run_at: float) -> None:
    """Let go of a job between two steps; it is due at ``run_at``."""
    _change(connection, job, state=JobState.WAITING, run_at=run_at, publish_at=run_at, owner=None, lease_until=None,
            attempts=0)


def give_up(connection: Connection, job: Job, fault: Fault) -> None:
    """Put a job on the failed list."""
    _change(connection, job, state=JobState.FAILED, publish_at=None, owner=None, lease_until=None,
            fault=cast(dict[str, Json], fault.as_dict()))


def done(connection: Connection, job: Job) -> None:
    """End a job whose steps are all finished."""
    _change(connection, job, state=JobState.DONE, publish_at=None, owner=None, lease_until=None)


def retry_failed(connection: Connection, recording: str, now: float) -> None:
    """Take a job off the failed list: it is due at once. One whose files are stored goes on at the step that failed,
    unless what the switch recorded was not what it should be: then the recording is made anew. Any other begins at its
    first step, with what it found before at hand.

    Raises:
        NotFound: no failed job of that recording.
    """
    job = find(connection, recording)
    if job is None or job.state is not JobState.FAILED:
        raise NotFound("No failed job has that recording.", recording=recording)
    stored = "store" in job.facts
    if stored and str((job.fault or {}).get("id", "")).startswith(f"{MediaFault.id}."):
        recordings.move(connection, recording, RecordingInput.AGAIN, now)
        again(connection, recording, now)
        return
    connection.execute(
        jobs.update().where(jobs.c.recording == recording, jobs.c.state == JobState.FAILED.value),
        {"state": JobState.WAITING.value, "step": job.step if stored else "", "attempts": 0,
         "run_at": now, "publish_at": now})


def again(connection: Connection, recording: str, now: float, node: str | None = None) -> None:
    """Let the job of a recording begin from its first step on, whether it had one or not. Whoever works on it loses it.
    A job that is there keeps its node.

    What it had found before is forgotten but for the name of its files: those that it makes now are called after that
    one and a number, because files of the name itself may be there.
    """
    before = find(connection, recording)
    if before is None:
        enqueue(connection, recording, now, node)
        return
    facts: dict[str, dict[str, Json]] = {}
    if "name" in before.facts:
        name = before.facts["name"]
        first, times = name.get("first", name["base"]), cast(int, name.get("times", 1)) + 1
        facts["name"] = {"base": f"{first}-{times}", "first": first, "times": times}
    connection.execute(jobs.update().where(jobs.c.recording == recording), {
        "state": JobState.WAITING.value, "step": "", "attempts": 0, "run_at": now, "publish_at": now, "owner": None,
        "lease_until": None, "fault": None, "facts": facts, "anywhere": False})


def find(connection: Connection, recording: str) -> Job | None:
    """The job of a recording, or None if it has none."""
    row = connection.execute(select(jobs).where(jobs.c.recording == recording)).mappings().one_or_none()
    return _job(row) if row is not None else None


def get(connection: Connection, recording: str) -> Job:
    """The job of a recording.

    Raises:
        NotFound: it has none.
    """
    found = find(connection, recording)
    if found is None:
        raise NotFound("That recording has no job.", recording=recording)
    return found


def listing(connection: Connection, state: JobState | None = None, *, fault: str | None = None,
            limit: int = 100) -> list[Job]:
    """The jobs in a state, those due first coming first; ``FAILED`` is the failed list.

    Args:
        state: None for all that are not done.
        fault: the id of the last fault; None for any, or none.
    """
    wanted = jobs.c.state != JobState.DONE.value if state is None else jobs.c.state == state.value
    query = select(*_COLUMNS).where(wanted)
    if fault is not None:
        query = query.where(jobs.c.fault["id"].as_string() == fault)
    return [_job(row) for row in connection.execute(
        query.order_by(jobs.c.run_at, jobs.c.recording).limit(limit)).mappings()]


def counts(connection: Connection) -> dict[JobState, int]:
    """How many jobs are in each state."""
    found = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    return {**dict.fromkeys(JobState, 0), **{JobState(row[0]): row[1] for row in found}}


def settled(connection: Connection, recording_ids: Sequence[str]) -> list[str]:
    """Those of the recordings that are finished, or whose jobs are on the failed list."""
    failed = and_(of_recordings.c.state == RecordingState.FAILED.value, jobs.c.state == JobState.FAILED.value)
    return list(connection.execute(
        select(jobs.c.recording).join(of_recordings).where(jobs.c.recording.in_(recording_ids), or_(
            of_recordings.c.state.in_([RecordingState.READY.value, RecordingState.INCOMPLETE.value]), failed)))
        .scalars())


def next_due(connection: Connection, node: str | None = None) -> float | None:
    """When the next job can be claimed, in seconds since the epoch (it may be past); None if none is open.

    Args:
        node: as in :func:`claim`.
    """
    found = connection.execute(*((_NEXT,) if node is None else (_NEXT_OURS, {"here": node}))).scalars()
    return min((at for at in found if at is not None), default=None)


def _change(connection: Connection, job: Job, **changes: Any) -> Job:
    """Change a job that we hold; what it is now."""
    values = {name: value.value if isinstance(value, JobState) else value for name, value in changes.items()}
    changed = connection.execute(_HELD, {
        **values, "held_recording": job.recording, "held_by": job.owner, "held_attempts": job.attempts,
        "held_step": job.step})
    if changed.rowcount == 0:
        raise LeaseLost("Another worker has taken the job over.", recording=job.recording)
    return replace(job, **{name: value for name, value in changes.items() if name != "publish_at"})


def _job(row: RowMapping) -> Job:
    return Job(**{**{column.name: row[column.name] for column in _COLUMNS}, "state": JobState(row["state"])})

"""Artefacts in the ledger: which files a recording was made into, in which store each is, and until when."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, String, func, select
from sqlalchemy import cast as as_type

from ledger import recordings as kept
from ledger.jobs import JobState
from ledger.tables import artefacts, calls, jobs, recordings
from ledger.upsert import upsert
from recorder.states import RecordingInput, RecordingState

_EXPIRING = (RecordingState.READY.value, RecordingState.INCOMPLETE.value)
_MANIFEST = "manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file of a recording.

    Attributes:
        kind: ``mixed``, ``stereo``, ``party-1`` ..., ``manifest``.
        store, name: where it is. bytes, sha256 (hex): of what is there.
        stored, confirmed, deleted: when we had stored and read it, when its store told of it, when it was deleted; in
            seconds since the epoch (UTC).
    """

    recording: str
    store: str
    name: str
    kind: str
    bytes: int
    sha256: str
    stored: float | None
    confirmed: float | None
    deleted: float | None


def keep(connection: Connection, recording: str, store: str, files: Mapping[str, Mapping[str, Any]],
         now: float) -> None:
    """Note the files that were stored.

    Args:
        files: for each kind its ``name``, ``bytes`` and ``sha256``.
    """
    upsert(connection, artefacts, [
        {"recording": recording, "store": store, "name": one["name"], "kind": kind, "bytes": one["bytes"],
         "sha256": one["sha256"], "stored": now} for kind, one in files.items()])


def of(connection: Connection, recording: str) -> list[Artefact]:
    """The files of a recording, the manifest first: where it is, the others are. A recording that was finished anew has
    several of a kind; the newest comes last."""
    found = connection.execute(select(artefacts).where(artefacts.c.recording == recording)
                               .order_by(artefacts.c.kind != _MANIFEST, artefacts.c.kind, artefacts.c.stored,
                                         artefacts.c.name))
    return [Artefact(**row) for row in found.mappings()]


def confirm(connection: Connection, store: str, name: str, now: float, *, size: int | None = None) -> bool:
    """Note that a store told of a file. The first time counts.

    A store may tell of it before the recording is finished: then the open job that is to store it knows it.

    Args:
        size: of what is there, in bytes, if that was told: what has another one is not our file.

    Returns:
        Whether it is ours.
    """
    where = [artefacts.c.store == store, artefacts.c.name == name]
    if size is not None:
        where.append(artefacts.c.bytes == size)
    changed = connection.execute(artefacts.update().where(*where).values(
        confirmed=func.coalesce(artefacts.c.confirmed, now)))
    if changed.rowcount:
        return True
    coming = _coming(connection, name)
    if coming is None or size not in (None, coming[2]["bytes"]):
        return False
    recording, kind, file = coming
    upsert(connection, artefacts, [{"recording": recording, "store": store, "name": name, "kind": kind,
                                    "bytes": file["bytes"], "sha256": file["sha256"], "confirmed": now}])
    return True


def expire(connection: Connection, before: float, switches: Collection[str], now: float, *, limit: int) -> list[str]:
    """Let finished recordings that ended before a time expire: from here on their files may be deleted.

    Only what is known to be stored expires, and nothing whose job is still at work. A recording that somebody holds
    must not: whoever adds holds adds that condition to :func:`_may_expire`, and refuses to hold what has expired.

    Returns:
        The recordings, at most ``limit``.
    """
    ended = func.coalesce(recordings.c.ended, recordings.c.created)
    due = list(connection.execute(
        select(recordings.c.id).join(calls).where(ended < before, calls.c.switch.in_(sorted(switches)), *_may_expire())
        .order_by(ended, recordings.c.id).limit(limit).with_for_update(of=recordings, skip_locked=True)).scalars())
    for one in due:
        result = kept.get(connection, one).result or {}
        kept.finish(connection, one, RecordingInput.EXPIRE, now, result={**result, "expired": now})
    # What such a job still had to clean up goes with everything else.
    connection.execute(jobs.update().where(jobs.c.recording.in_(due), jobs.c.state == JobState.FAILED.value)
                       .values(state=JobState.DONE.value))
    return due


def to_delete(connection: Connection, switches: Collection[str]) -> list[str]:
    """The expired recordings that still have a file that was not deleted."""
    left = select(artefacts.c.recording).where(artefacts.c.deleted.is_(None))
    return list(connection.execute(
        select(recordings.c.id).join(calls).where(
            recordings.c.state == RecordingState.EXPIRED.value, calls.c.switch.in_(sorted(switches)),
            recordings.c.id.in_(left)).order_by(recordings.c.id)).scalars())


def elsewhere(connection: Connection, local: str, *, since: float, until: float) -> list[Artefact]:
    """The files of finished recordings that are in other stores than ``local``.

    Args:
        since, until: recordings that began from ``since`` to before ``until``.
    """
    return _files(connection, artefacts.c.store != local, artefacts.c.stored.is_not(None),
                  recordings.c.state.in_(_EXPIRING), recordings.c.created >= since, recordings.c.created < until)


def overdue(connection: Connection) -> list[Artefact]:
    """The files of expired recordings that are not deleted yet."""
    return _files(connection, recordings.c.state == RecordingState.EXPIRED.value)


def deleted(connection: Connection, gone: Artefact, now: float) -> None:
    """Note that a file was deleted."""
    connection.execute(artefacts.update().where(
        artefacts.c.recording == gone.recording, artefacts.c.store == gone.store, artefacts.c.name == gone.name)
        .values(deleted=now))


def _files(connection: Connection, *conditions: ColumnElement[bool]) -> list[Artefact]:
    found = connection.execute(select(artefacts).join(recordings).where(artefacts.c.deleted.is_(None), *conditions)
                               .order_by(artefacts.c.recording, artefacts.c.kind, artefacts.c.name))
    return [Artefact(**row) for row in found.mappings()]


def _may_expire() -> Sequence[ColumnElement[bool]]:
    stored = select(artefacts.c.recording).where(artefacts.c.stored.is_not(None), artefacts.c.deleted.is_(None))
    at_work = select(jobs.c.recording).where(jobs.c.state.in_((JobState.WAITING.value, JobState.RUNNING.value)))
    return (recordings.c.state.in_(_EXPIRING), recordings.c.id.in_(stored), recordings.c.id.not_in(at_work))


def _coming(connection: Connection, name: str) -> tuple[str, str, Mapping[str, Any]] | None:
    """The recording, the kind and the file that an open job is about to store under that name."""
    found = connection.execute(select(jobs.c.recording, jobs.c.facts).where(
        jobs.c.state != JobState.DONE.value,
        as_type(jobs.c.facts, String).contains(json.dumps(name), autoescape=True)))
    for recording, facts in found:
        described = cast(dict[str, Any], facts.get(_MANIFEST, {}))
        made = facts["encrypt"] if "encrypt" in facts else facts.get("compose", {})
        files = {**cast(dict[str, Any], made.get("files", {})), _MANIFEST: described}
        for kind, named in described.get("names", {}).items():
            if named == name and kind in files:
                return str(recording), str(kind), files[kind]
    return None

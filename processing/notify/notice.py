"""What there is to tell of one change of a recording, read from the ledger when it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection

from ledger import changes, jobs, recordings
from ledger.changes import What
from ledger.deliveries import Delivery
from ledger.jobs import Job
from ledger.recordings import Kept
from recorder.states import RecordingState

FINISHED = frozenset({RecordingState.READY, RecordingState.INCOMPLETE})
ENDS = frozenset({*FINISHED, RecordingState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a finished recording, as it is stored. ``kind``: ``mixed``, ``stereo``, ``manifest`` ..."""

    kind: str
    store: str
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One change of a recording, for one receiver.

    Attributes:
        id: the same for each attempt and each receiver; no other change has it.
        change: grows with each change of a recording.
        at: when it changed, in seconds since the epoch (UTC).
        files: of a recording that came to ``ready`` or ``incomplete``; else none.
        fault: the id of the fault for which its job was given up; None if it was not.
        link: where a person finds the recording; None where no link is set.
    """

    id: str
    change: int
    state: What
    at: float
    kept: Kept
    files: Sequence[StoredFile]
    fault: str | None
    link: str | None

    @property
    def seconds(self) -> float | None:
        """How long the finished recording is."""
        return cast(float | None, (self.kept.result or {}).get("seconds"))

    @property
    def reasons(self) -> list[str]:
        """Why an incomplete recording is incomplete, as sentences."""
        return cast(list[str], (self.kept.result or {}).get("reasons", []))


def read(connection: Connection, delivery: Delivery, link_template: str | None) -> Notice:
    """What a delivery has to tell.

    Args:
        link_template: a URL with ``{recording}`` in it.
    """
    change = changes.get(connection, delivery.change)
    kept = recordings.get(connection, delivery.recording)
    job = jobs.find(connection, delivery.recording)
    failed = delivery.state is RecordingState.FAILED and job is not None and job.fault is not None
    return Notice(
        id=f"{delivery.recording}-{delivery.change}", change=delivery.change, state=delivery.state, at=change.at,
        kept=kept, files=_stored(job) if delivery.state in FINISHED and job is not None else (),
        fault=str(cast(dict[str, Any], job.fault)["id"]) if failed and job is not None else None,
        link=link_template.replace("{recording}", delivery.recording) if link_template else None)


def _stored(job: Job) -> list[StoredFile]:
    """What the step ``store`` has stored."""
    if "store" not in job.facts:
        return []
    files = cast(dict[str, dict[str, Any]], job.facts["store"]["files"])
    return [StoredFile(kind=kind, store=str(job.facts["store"]["store"]), name=file["name"], bytes=file["bytes"],
                       sha256=file["sha256"]) for kind, file in files.items()]

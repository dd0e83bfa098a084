"""What can be asked about finished files, and what stores tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from faults import NotFound
from ledger import Ledger, artefacts, recordings
from ledger.artefacts import Artefact
from processing.stores import LOCAL
from processing.stores.choice import Stores
from processing.stores.events import Told
from service import stored
from service.clock import Clock
from service.reconcile import Discrepancy
from service.settings import Settings

log = structlog.get_logger("storage")

_SUFFIXES = (".wav", ".json", ".gpg")


class Answer(StrEnum):
    """What becomes of an event."""

    CONFIRMED = "confirmed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the objects of a store are."""

    store: str
    name: str
    prefix: str


def buckets(settings: Settings) -> tuple[Bucket, ...]:
    """The buckets of the stores."""
    return tuple(Bucket(name, one.bucket, one.prefix) for name, one in settings.storage.stores.items())


class StorageDesk:
    """Questions about finished files.

    Args:
        buckets: whose events are taken.
        folder: the one of the local store.
    """

    def __init__(self, ledger: Ledger, stores: Stores, buckets: Iterable[Bucket], folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._ledger = ledger
        self._stores = stores
        self._buckets = tuple(buckets)
        self._clock = clock

    async def open(self, recording: str, kind: str) -> tuple[Artefact, BinaryIO]:
        """A finished file, to be read in a thread and closed.

        Raises:
            NotFound: there is no such recording, or it has no such file, or that is gone.
            StorageRefused, StorageUnreachable: the store does not give it.
        """
        def work() -> tuple[Artefact, BinaryIO]:
            with self._ledger.reading() as connection:
                state = recordings.get(connection, recording).recording.state
                files = artefacts.of(connection, recording)
            found = next((one for one in reversed(files) if one.kind == kind and one.deleted is None), None)
            if found is None:
                raise NotFound(f"That recording has no {kind} file: it is {state.value}.", recording=recording)
            return found, self._stores.named(found.store).open(found.name)

        return await asyncio.to_thread(work)

    def view(self, file: Artefact) -> dict[str, Any]:
        """A file as the API shows it. ``place``: a path of this machine, or ``s3://bucket/key``."""
        bucket = next((one for one in self._buckets if one.store == file.store), None)
        place = str(self._folder / file.name)
        if file.store != LOCAL:
            place = f"s3://{bucket.name}/{bucket.prefix}{file.name}" if bucket else f"{file.store}:{file.name}"
        return {"kind": file.kind, "store": file.store, "name": file.name, "place": place, "bytes": file.bytes,
                "sha256": file.sha256, "stored": file.stored, "confirmed": file.confirmed, "deleted": file.deleted}

    def examine(self, *, since: float, until: float) -> list[Discrepancy]:
        """What is not as it should be in other stores than the local folder, or has expired and is still there.

        Raises:
            LedgerUnavailable: the ledger refused.
        """
        return list(stored.examine(self._ledger, self._stores, since=since, until=until))

    async def told(self, events: Sequence[Told]) -> list[Answer]:
        """A store tells of objects. Nothing is noted if one of them is in a bucket that is no store's.

        Raises:
            LedgerUnavailable: nothing was noted.
        """
        named = [self._place(one) for one in events]
        if Answer.FOREIGN in named:
            return [Answer.FOREIGN]

        def work() -> list[Answer]:
            with self._ledger.transaction() as connection:
                return [place if isinstance(place, Answer) else Answer.CONFIRMED if artefacts.confirm(
                    connection, *place, self._clock.at(), size=one.size) else Answer.UNKNOWN
                    for one, place in zip(events, named, strict=True)]

        answers = await asyncio.to_thread(work)
        for place, answer in zip(named, answers, strict=True):
            if not isinstance(place, Answer):
                log.info("a store tells of a file", store=place[0], answer=answer.value)
        return answers

    def _place(self, event: Told) -> Answer | tuple[str, str]:
        """The store and the name of an object, or what becomes of its event."""
        ours = [one for one in self._buckets if one.name == event.bucket]
        if not ours and event.bucket:
            return Answer.FOREIGN
        within = [one for one in ours if event.key.startswith(one.prefix)]
        if not event.made or not within or not event.key.endswith(_SUFFIXES):
            return Answer.IGNORED
        store = max(within, key=lambda one: len(one.prefix))
        return store.store, event.key.removeprefix(store.prefix)

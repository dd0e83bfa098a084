"""Recordings whose time is over: they expire in the ledger, and then their files are deleted, wherever they are.

The ledger comes first, in one transaction: what has expired is decided, whatever happens next. Deleting is done until
it is done, at every start again, and each file that is gone is noted. What cannot be deleted now is tried the next
time.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable

import structlog

from faults import Fault, StorageRefused, StorageUnreachable
from ledger import Ledger, artefacts, recordings
from ledger.artefacts import Artefact
from ledger.recordings import Kept
from processing.step import Checkpoint, Places
from processing.stores import Store
from processing.stores.choice import Stores

log = structlog.get_logger("expiry")

DAY_S = 86_400.0
_AT_ONCE = 100


class Reaper:
    """Deletes what has expired. One thread at a time.

    Args:
        days: how long after its end a recording is kept; None: for ever. What has expired before is deleted all the
            same.
        clock: seconds since the Unix epoch (UTC).
        checkpoint: called with a name after each effect on a store, a disk or the ledger.
    """

    def __init__(self, ledger: Ledger, stores: Stores, places: Places, days: float | None, *,
                 clock: Callable[[], float], checkpoint: Checkpoint = lambda _: None) -> None:
        self._ledger = ledger
        self._stores = stores
        self._places = places
        self._days = days
        self._clock = clock
        self._checkpoint = checkpoint
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the turn that runs, after the file at hand; the next start goes on. Called in any thread."""
        self._stopped.set()

    def turn(self) -> None:
        """Let expire what is due, and delete what has expired. A store that fails is left alone until the next turn.

        Raises:
            LedgerFault: the ledger cannot be used.
        """
        switches = self._places.spools.keys()
        while self._days is not None:
            with self._ledger.transaction() as connection:
                now = self._clock()
                due = artefacts.expire(connection, now - self._days * DAY_S, switches, now, limit=_AT_ONCE)
            for recording in due:
                log.info("recording expired", recording=recording)
            self._checkpoint("expired")
            if len(due) < _AT_ONCE:
                break
        with self._ledger.reading() as connection:
            left = artefacts.to_delete(connection, switches)
        failing: set[str] = set()
        for recording in left:
            if self._stopped.is_set():
                return
            self._delete(recording, failing)

    def _delete(self, recording: str, failing: set[str]) -> None:
        with self._ledger.reading() as connection:
            kept = recordings.get(connection, recording)
            files = [one for one in artefacts.of(connection, recording) if one.deleted is None]
        try:
            self._delete_here(kept)
        except OSError as error:
            log.error("an expired recording's files in the spool cannot be deleted", recording=recording,
                      cause=error.strerror)
            return
        for file in files:
            if self._stopped.is_set():
                return
            if file.store in failing:
                continue
            try:
                self._delete_file(file)
            except (StorageRefused, StorageUnreachable, OSError) as error:
                failing.add(file.store)
                log.error("an expired file cannot be deleted now", recording=recording, store=file.store,
                          cause=error.message if isinstance(error, Fault) else error.strerror)
                continue
            with self._ledger.transaction() as connection:
                artefacts.deleted(connection, file, self._clock())
            self._checkpoint("noted")
            log.info("expired file deleted", recording=recording, store=file.store, kind=file.kind)

    def _delete_here(self, kept: Kept) -> None:
        """What the switch recorded, and what a job may have left."""
        for segment in kept.recording.segments:
            for file in segment.files:
                found = self._places.recorded_file(kept.call.switch, file.path)
                if found is not None:
                    found.unlink(missing_ok=True)
                    self._checkpoint("spool file deleted")
        shutil.rmtree(self._places.work / kept.recording.id, ignore_errors=True)

    def _delete_file(self, file: Artefact) -> None:
        """A file, and what an interrupted job may have left of it in another store."""
        own = self._stores.named(file.store)
        for other in self._stores.every.values():
            if other is not own and _has(other, file):
                other.delete(file.name)
                self._checkpoint("copy deleted")
        own.delete(file.name)
        self._checkpoint("file deleted")


def _has(store: Store, file: Artefact) -> bool:
    """Whether a store has that very file, to the byte: another one of its name is not ours."""
    try:
        store.verify(file.name, bytes=file.bytes, sha256=file.sha256)
    except StorageRefused:
        return False
    return True

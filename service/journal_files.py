"""The journals on the disk: JSON lines, one bounded file (mode 0600) a call, written by a thread of its own.

Nothing is synced: a journal explains a fault, it does not prevent one. What the disk refuses is dropped, and said once.
"""

from __future__ import annotations

import json
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from faults import JournalInvalid
from service import redact

log = structlog.get_logger("journal")

Entry = dict[str, Any]

_WAITING = 50_000  # entries that wait for the thread; beyond it they are dropped
_FLUSH_EVERY = 1.0  # s
_PRUNE_EVERY = 3600.0  # s
_CALL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CUT = '{"cut": true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is kept: lines and bytes of one journal, journals, and days since a journal was last written."""

    lines: int = 5_000
    size: int = 2_000_000
    journals: int = 20_000
    days: float = 14.0


@dataclass(slots=True)
class _Open:
    lines: int = 0
    size: int = 0
    cut: bool = False
    waiting: list[str] = field(default_factory=list)


class JournalFiles:
    """The folder of journals.

    Args:
        folder: made (mode 0700) if it is not there.
    """

    def __init__(self, folder: Path, bounds: Bounds | None = None) -> None:
        self._folder = folder
        self._bounds = bounds or Bounds()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._open: dict[str, _Open] = {}
        self._failing = False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def write(self, call: str, entry: Callable[[], Entry]) -> None:
        """Add an entry to a call's journal. It is built, redacted and written in the thread."""
        if self._queue.qsize() < _WAITING:
            self._queue.put(lambda: self._add(call, entry()))

    def copy(self, source: str, call: str) -> None:
        """Add everything that another call's journal has so far."""
        self._queue.put(lambda: self._copy(source, call))

    def close(self, call: str) -> None:
        """Nothing more comes for this call."""
        self._queue.put(lambda: self._close(call))

    def path(self, call: str) -> Path:
        """Where a call's journal is.

        Raises:
            JournalInvalid: that is no call's id.
        """
        if not _CALL.fullmatch(call):
            raise JournalInvalid("That is not the id of a call.")
        return self._folder / f"{call}.jsonl"

    def flushed(self) -> None:
        """Block until everything that was given so far is in the files."""
        done = threading.Event()

        def last() -> None:
            self._flush()
            done.set()

        self._queue.put(last)
        done.wait()

    def stop(self) -> None:
        """Write what waits and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        flush_at = time.monotonic() + _FLUSH_EVERY
        prune_at = time.monotonic()
        while True:
            try:
                job = self._queue.get(timeout=_FLUSH_EVERY if any(one.waiting for one in self._open.values()) else None)
            except queue.Empty:
                job = self._flush
            if job is None:
                break
            self._guarded(job)
            now = time.monotonic()
            if now >= flush_at:
                self._guarded(self._flush)
                flush_at = now + _FLUSH_EVERY
            if now >= prune_at:
                self._guarded(self._prune)
                prune_at = now + _PRUNE_EVERY
        self._guarded(self._flush)

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except OSError as error:
            if not self._failing:
                log.error("journals cannot be written", folder=str(self._folder), cause=error.strerror)
            self._failing = True
            for journal in self._open.values():
                journal.waiting.clear()

    def _add(self, call: str, entry: Entry) -> None:
        line = json.dumps(redact.plain(entry), ensure_ascii=False, separators=(",", ":"))
        self._put(call, line, always="closed" in entry)

    def _put(self, call: str, line: str, *, always: bool = False) -> None:
        journal = self._open.setdefault(call, _Open())
        size = len(line.encode()) + 1
        if journal.cut and not always:
            return
        if not always and (journal.lines >= self._bounds.lines or journal.size + size > self._bounds.size):
            journal.cut = True
            line = _CUT
        journal.lines += 1
        journal.size += size
        journal.waiting.append(line)

    def _copy(self, source: str, call: str) -> None:
        self._flush()
        path = self.path(source)
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._put(call, line)

    def _close(self, call: str) -> None:
        self._flush_one(call, self._open.pop(call, _Open()))

    def _flush(self) -> None:
        for call, journal in self._open.items():
            self._flush_one(call, journal)

    def _flush_one(self, call: str, journal: _Open) -> None:
        if not journal.waiting:
            return
        text = "".join(f"{line}\n" for line in journal.waiting)
        journal.waiting.clear()
        with os.fdopen(os.open(self.path(call), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w",
                       encoding="utf-8") as file:
            file.write(text)
        self._failing = False

    def _prune(self) -> None:
        """Take away what is too old, and the oldest of what is too many; journals of open calls stay."""
        oldest = time.time() - self._bounds.days * 86_400
        found = sorted((file.stat().st_mtime, file.name) for file in os.scandir(self._folder)
                       if file.name.endswith(".jsonl") and file.name.removesuffix(".jsonl") not in self._open)
        surplus = len(found) + len(self._open) - self._bounds.journals
        for place, (written, name) in enumerate(found):
            if written < oldest or place < surplus:
                (self._folder / name).unlink(missing_ok=True)


def read(path: Path) -> list[Entry]:
    """The entries of a journal file.

    Raises:
        JournalInvalid: it cannot be read, or is no journal.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise JournalInvalid(f"The journal {path} cannot be read: {why}.", file=str(path)) from error
    entries: list[Entry] = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break  # the last line of a service that was killed
            raise JournalInvalid(f"{path}:{number}: not a journal's line.", file=str(path), line=number) from error
        if not isinstance(entry, dict):
            raise JournalInvalid(f"{path}:{number}: not a journal's line.", file=str(path), line=number)
        entries.append(entry)
    if not entries or entries[0].get("journal") != 1:
        raise JournalInvalid(f"{path} is not a journal.", file=str(path))
    return entries

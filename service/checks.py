"""What ``phonograph check`` looks at on our side: files, folders and their rights."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from faults import ConfigurationFault, EncryptionUnusable, Fault, LedgerUnavailable
from processing.encryption import look
from processing.names import NameTemplate
from service import disk, folders, pipeline, running_policy
from service.findings import Finding, Verdict, bad, well
from service.notices import channels
from service.settings import Settings

_SOON_S = 30 * 86_400.0


def examine(settings: Settings, now: float) -> Iterator[Finding]:
    """Look at everything that does not need the switch. Nothing is left behind, and no folder is made.

    Args:
        now: seconds since the Unix epoch (UTC).
    """
    yield _tried("policy", lambda: running_policy.read(settings.policy, servers=bool(settings.siprec.servers)),
                 f"{settings.policy} is well-formed")
    yield _tried("names", lambda: NameTemplate.load(settings.fileformat, ZoneInfo(settings.time_zone)),
                 f"{settings.fileformat} names what exists")
    for subject, folder in (("journal_path", settings.journal_path), ("work_path", settings.work_path),
                            ("destination_path", settings.destination_path), ("socket", settings.socket.parent)):
        yield _folder(subject, folder)
    yield from _encryption(settings, now)
    yield from _steps(settings)
    yield from _deletable(settings)
    yield _tried("notices", lambda: channels(settings.notices, ZoneInfo(settings.time_zone), dict, {}, time.time),
                 "every file with a secret can be read; no receiver is asked")
    yield _ledger(settings.ledger)
    yield _one_file_system(settings)
    yield from _room(settings)
    yield _mask()


def _encryption(settings: Settings, now: float) -> Iterator[Finding]:
    """Whether there is a key that files can be encrypted for. gpg's own files are made elsewhere, and taken away."""
    if not settings.should_encrypt or settings.encryption_key is None:
        yield well("encryption", "off")
        return
    with TemporaryDirectory() as folder:
        try:
            key = look(settings.encryption_key, settings.encryption_mail or "", Path(folder), now)
        except EncryptionUnusable as fault:
            yield bad("encryption", fault)
            return
    if key.expires is None:
        yield well("encryption", f"for the key {key.fingerprint}, which does not expire")
        return
    day = datetime.fromtimestamp(key.expires, UTC).date().isoformat()
    soon = key.expires - now < _SOON_S
    yield Finding(subject="encryption", verdict=Verdict.NOTE if soon else Verdict.OK,
                  said=f"for the key {key.fingerprint}, which expires on {day}",
                  remedy="Put the key with a later date into the file of `encryption_key`." if soon else "")


def _steps(settings: Settings) -> Iterator[Finding]:
    for name, step in settings.steps.items():
        yield _tried(f"steps.{name}", partial(pipeline.own_step, name, step), "can be run")


def _deletable(settings: Settings) -> Iterator[Finding]:
    """Whether recorded files can be deleted, where they will be: that takes the right to write into their folders."""
    if not (settings.clean_temporary_files or settings.should_encrypt):
        return
    for name, switch in settings.switches.items():
        if not switch.spool.is_dir():
            continue  # the check of the switch says so
        folders_there = [switch.spool, *(each for each in sorted(switch.spool.iterdir()) if each.is_dir())]
        closed = [folder for folder in folders_there if not os.access(folder, os.W_OK | os.X_OK)]
        if closed:
            yield Finding(subject=f"{name}: cleaning", verdict=Verdict.FAIL,
                          said=f"recorded files in {', '.join(map(str, closed))} cannot be deleted",
                          remedy="Let Phonograph's user write there: docs/asterisk.md says with which mode.")
        else:
            yield well(f"{name}: cleaning", "recorded files can be deleted")


def _tried(subject: str, attempt: Callable[[], object], said: str) -> Finding:
    try:
        attempt()
    except Fault as fault:
        return bad(subject, fault)
    return well(subject, said)


def _folder(subject: str, folder: Path) -> Finding:
    """A folder that is not there yet is made at the start: then the one above it must let us."""
    there = _nearest(folder)
    try:
        folders.prove(there)
    except ConfigurationFault as fault:
        return Finding(subject=subject, verdict=Verdict.FAIL, said=fault.message,
                       remedy=f"Let the user that runs Phonograph write into {there}.")
    return well(subject, f"{folder} can be written" if there == folder else f"{folder} will be made")


def _ledger(where: str) -> Finding:
    if "://" in where:
        return Finding(subject="ledger", verdict=Verdict.NOTE, said="a database server: it is tried at the start")
    path = Path(where)
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return bad("ledger", LedgerUnavailable(f"{path} cannot be read and written."))
    finding = _folder("ledger", path.parent)
    return finding if finding.verdict is Verdict.FAIL else well("ledger", f"{path} can be written")


def _one_file_system(settings: Settings) -> Finding:
    places = [_nearest(settings.work_path), _nearest(settings.destination_path)]
    if places[0].stat().st_dev == places[1].stat().st_dev:
        return well("one file system", "a finished file gets its name without being copied")
    return Finding(subject="one file system", verdict=Verdict.NOTE,
                   said="`work_path` and `destination_path` are on different ones: each finished file is copied once",
                   remedy="Put both on one file system to save that.")


def _room(settings: Settings) -> Iterator[Finding]:
    """What is free where recordings are written, against the settings' watermarks."""
    watermarks = disk.Watermarks.of(settings.disk)
    for name, folder in disk.watched(settings).items():
        free = disk.free_bytes(_nearest(folder))
        state = watermarks.state(free)
        wrong = disk.fault(state, name, folder, free)
        if wrong is None:
            yield well(f"{name} room", f"{disk.in_words(free)} are free")
        else:
            verdict = Verdict.NOTE if state is disk.State.LOW else Verdict.FAIL
            yield Finding(subject=f"{name} room", verdict=verdict, said=wrong.message, remedy=wrong.remedy)


def _mask() -> Finding:
    mask = os.umask(0o077)
    os.umask(mask)
    if mask & 0o007 == 0o007:
        return well("umask", f"{mask:03o}: other users cannot read what we write")
    return Finding(subject="umask", verdict=Verdict.NOTE, said=f"{mask:03o}: other users may read some of our files",
                   remedy="Set `UMask=0027` in the service's unit, so that other users cannot read what we write.")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())

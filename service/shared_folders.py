"""What ``phonograph check`` says of the folders that an Asterisk and we both write into."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from ari_app.names import FOLDER as TAPS
from faults import SpoolUnusable
from service import folders
from service.adoption import FOLDER as ADOPTED
from service.findings import Finding, Verdict, bad, well

_SHARED = 0o2770
_GROUP_MAY = stat.S_ISGID | stat.S_IRWXG


def examine(name: str, spool: Path, audio_path: Path | None) -> Iterator[Finding]:
    """Look at the folders of one Asterisk in its spool, and at where ConfBridge records; nothing if there is no spool.

    Args:
        name: the switch's.
        audio_path: see ``AsteriskSettings``.
    """
    try:
        owner = spool.stat()
    except OSError:
        return  # said by whoever looks at the spool itself
    yield _taps(f"{name}: {TAPS}/", spool / TAPS, owner)
    if audio_path is not None:
        yield _adopted(f"{name}: {ADOPTED}/", spool / ADOPTED)
        yield _monitor(f"{name}: audio_path", audio_path, owner)


def _taps(subject: str, folder: Path, spool: os.stat_result) -> Finding:
    """Asterisk writes the taps there, and we take out what was said in a pause."""
    remedy = f"As root: `install -d -o {_user(spool.st_uid)} -g {_group(spool.st_gid)} -m {_SHARED:o} {folder}`."
    try:
        found = folder.stat()
    except OSError:
        return Finding(subject=subject, verdict=Verdict.NOTE, remedy=remedy,
                       said=f"there is no {folder}: Asterisk makes it with the first recording, and lets nobody else "
                            "write there, so what it writes in a pause could not be taken out")
    try:
        folders.prove(folder)
    except SpoolUnusable as fault:
        return Finding(subject=subject, verdict=Verdict.FAIL, remedy=remedy,
                       said=f"{fault.message} What Asterisk writes there in a pause could not be taken out.")
    if found.st_uid == spool.st_uid or (found.st_gid == spool.st_gid and found.st_mode & _GROUP_MAY == _GROUP_MAY):
        return well(subject, f"Asterisk and we can both write into {folder}")
    return Finding(subject=subject, verdict=Verdict.FAIL, remedy=remedy,
                   said=f"Asterisk may not be able to write into {folder}: it has another owner or group than the "
                        "spool, or a mode that keeps the group out")


def _adopted(subject: str, folder: Path) -> Finding:
    """Where we put what ConfBridge has recorded."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return well(subject, f"{folder} will be made")
    except OSError as error:
        return bad(subject, SpoolUnusable(f"The folder {folder} cannot be used: {error.strerror}."))
    try:
        folders.prove(folder)
    except SpoolUnusable as fault:
        return Finding(subject=subject, verdict=Verdict.FAIL, said=fault.message,
                       remedy=f"Give it to the user that runs Phonograph: `chown -R {_user(os.geteuid())} {folder}`.")
    if found.st_mode & stat.S_IRWXO:
        return Finding(subject=subject, verdict=Verdict.FAIL, said=f"any user of this machine can look into {folder}",
                       remedy=f"Take that right away: `chmod o-rwx {folder}`.")
    return well(subject, f"{folder} can be written, and nobody else looks into it")


def _monitor(subject: str, folder: Path, spool: os.stat_result) -> Finding:
    """Where ConfBridge records: we move files from there into the spool."""
    try:
        found = folder.stat()
        folders.prove(folder)
    except (OSError, SpoolUnusable) as error:
        said = error.message if isinstance(error, SpoolUnusable) else (
            f"The folder {folder} cannot be used: {error.strerror}.")
        return Finding(subject=subject, verdict=Verdict.FAIL, said=said,
                       remedy=f"Let Asterisk's group write there: `chmod {_SHARED:o} {folder}`.")
    if found.st_dev != spool.st_dev:
        return Finding(subject=subject, verdict=Verdict.FAIL,
                       said=f"{folder} is on another file system than the spool: nothing can be taken over from there",
                       remedy="Put both folders on one file system.")
    return well(subject, f"what ConfBridge records in {folder} can be taken over")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)

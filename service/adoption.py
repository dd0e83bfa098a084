"""Taking over the file that ConfBridge wrote of a conference: ``recording-<name>.wav`` in its monitor folder.

The file is renamed, not copied: should the next conference of that name have opened it already, what it writes is not
lost (:mod:`service.seams` gives it a file of its own). Its new name belongs to nobody else: nothing is overwritten, and
a second attempt finds what the first has done.
"""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import structlog

from faults import WavInvalid
from media.wav import read_info
from recorder.effects import Adopt
from recorder.events import Adopted
from recorder.model import Direction, TrackFile
from service.clock import Clock
from service.seams import Seam, Seams

log = structlog.get_logger("adoption")

FOLDER = "adopted"
"""The folder below the spool that adopted files are moved to."""

_LOOK_EVERY = 0.25  # s
_STILL_FOR = 4  # looks without a change, for a file whose header its writer never completed
_STILL_FOR_CUT = 12  # the same, longer than Asterisk waits between two blocks of audio (2.05 s)
_LONGEST = 8.0  # s
_NAME_LONGEST = 200  # bytes
_SKEW = 10.0  # s between the switch's clock and the file system's


@dataclass(frozen=True, slots=True)
class _Look:
    size: int
    modified: int
    whole: bool


def file_of(name: str) -> str | None:
    """The name of the file of a conference; None where the conference's name, which a caller may have chosen, can be
    none: it would lead to another folder."""
    file = f"recording-{name}.wav"
    try:
        length = len(os.fsencode(file))
    except UnicodeEncodeError:
        return None
    return file if name and "/" not in file and "\0" not in file and length <= _NAME_LONGEST else None


async def adopt(effect: Adopt, switch: str, monitor: Path, spool: Path, clock: Clock, seams: Seams) -> Adopted:
    """Look for the file, wait until it is closed, and move it into the spool.

    Args:
        monitor: the folder that ConfBridge records into. spool: the folder that the job will read from.
        seams: of that folder's files; what was appended to one after it had moved is cut off it.
    """
    nothing = Adopted(switch=switch, at=clock.at(), call=effect.call, segment=effect.segment)
    file = file_of(effect.name)
    if file is None:
        return nothing
    target = spool / FOLDER / f"{effect.segment}-{Direction.MIX.value}.wav"
    try:
        if not target.exists():
            seam = seams.of(file) if await asyncio.to_thread(_look, monitor / file) is None else None
            source, still = (monitor / file, _STILL_FOR) if seam is None else (seam.path, _STILL_FOR_CUT)
            size = await _closed(source, clock, effect.since, still)
            if size is None:
                return nothing
            if seam is None:
                await asyncio.to_thread(_move, monitor / file, target)
                seams.keep(file, Seam(target, size))
            else:
                await asyncio.to_thread(seams.cut, file, target)
                log.info("what was appended to an earlier conference's file has a file of its own", call=effect.call)
        seconds, ended = await asyncio.to_thread(_length, target)
    except (OSError, WavInvalid) as error:
        log.error("a conference's own recording could not be taken over; it stays where it is", call=effect.call,
                  cause=type(error).__name__)
        return nothing
    log.info("a conference's own recording was taken over", call=effect.call, segment=effect.segment)
    path = str(target.relative_to(spool))
    return Adopted(switch=switch, at=clock.at(), call=effect.call, segment=effect.segment, started=ended - seconds,
                   ended=ended, files=(TrackFile(direction=Direction.MIX, path=path),))


async def _closed(source: Path, clock: Clock, since: float, still: int) -> int | None:
    """Wait until the file's writer has closed it; how many bytes it has, or None if there is none of this
    conference."""
    deadline = clock.now() + _LONGEST
    looks: list[_Look] = []
    while clock.now() < deadline:
        look = await asyncio.to_thread(_look, source)
        if look is None:
            return None
        if look.modified / 1e9 < since - _SKEW:
            log.warning("a file of an earlier conference of that name lies there; it stays where it is")
            return None
        looks.append(look)
        recent = looks[-still:]
        if len(set(looks[-2:])) == 1 and len(looks) > 1 and (look.whole or (len(recent) == still
                                                                             and len(set(recent)) == 1)):
            return look.size
        await clock.wait(asyncio.Event(), _LOOK_EVERY)
    log.warning("a conference's own recording is still being written; it stays where it is")
    return None


def _look(source: Path) -> _Look | None:
    """The file as it is now; None if there is none, or something else of its name."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return None
        try:
            whole = read_info(file).defect is None
        except WavInvalid:
            whole = False
        return _Look(found.st_size, found.st_mtime_ns, whole)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o750, exist_ok=True)
    os.link(source, target, follow_symlinks=False)
    source.unlink()


def _length(path: Path) -> tuple[float, float]:
    """Its length in seconds, and when it was written last (seconds since the Unix epoch)."""
    with path.open("rb") as file:
        info = read_info(file)
        return info.samples / info.rate, os.fstat(file.fileno()).st_mtime

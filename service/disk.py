"""Room on the disks that recordings are written to: a warning in time, then mandatory recordings before optional ones.

Two sizes divide what is free on each file system into three states. Below ``warn_below`` somebody has to be told; below
``stop_optional_below`` what is left is kept for the calls that have to be recorded: no optional recording starts any
more, and those that run are stopped. A state is left again only when there is a tenth more than its size, so that one
file coming and going does not make it flap.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

from faults import DiskFault, DiskLow, DiskNearlyFull, RequestRefused
from policy.types import RecordingProfile
from recorder.events import ActorKind, Asked, Verb
from recorder.model import Call
from service.clock import Clock
from service.driver import Driver
from service.setting_types import size
from service.settings import DiskSettings, Settings

log = structlog.get_logger("disk")

EVERY_S = 10.0
_LEAVE = 1.1
_REASON = "the disk is nearly full"


class State(StrEnum):
    """How much room there is."""

    WELL = "well"
    LOW = "low"
    NEARLY_FULL = "nearly_full"


_FAULTS: Mapping[State, type[DiskFault]] = {State.LOW: DiskLow, State.NEARLY_FULL: DiskNearlyFull}
_ORDER = tuple(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermarks:
    """The two sizes, in bytes."""

    warn_below: int
    stop_optional_below: int

    @classmethod
    def of(cls, settings: DiskSettings) -> Watermarks:
        """Those of the settings."""
        return cls(warn_below=size(settings.warn_below), stop_optional_below=size(settings.stop_optional_below))

    def state(self, free: int, before: State = State.WELL) -> State:
        """The state that so many free bytes mean for a file system that was in another one before."""
        low = self.warn_below * (1.0 if before is State.WELL else _LEAVE)
        nearly_full = self.stop_optional_below * (_LEAVE if before is State.NEARLY_FULL else 1.0)
        if free < nearly_full:
            return State.NEARLY_FULL
        return State.LOW if free < low else State.WELL


def watched(settings: Settings) -> dict[str, Path]:
    """The folders that recordings need room in, under their names in the settings."""
    spools = {f"switches.{name}.spool": switch.spool for name, switch in settings.switches.items()}
    return {**spools, "work_path": settings.work_path, "destination_path": settings.destination_path}


def free_bytes(folder: Path) -> int:
    """What a process without privileges may still write there.

    Raises:
        OSError: the folder is not there, or cannot be looked at.
    """
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fault(state: State, name: str, folder: Path, free: int) -> DiskFault | None:
    """What is wrong with a folder in that state, or None."""
    kind = _FAULTS.get(state)
    return kind(f"{in_words(free)} are free for {name} ({folder}).", folder=folder, free=free) if kind else None


def in_words(free: int) -> str:
    """Bytes for a person: ``4.2 GB``."""
    for unit, one in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if free >= one:
            return f"{free / one:.1f} {unit}"
    return f"{free} bytes"


class Disk:
    """Watches the folders.

    Args:
        folders: under the names by which they are told.
        free: free bytes of a folder; it may raise OSError, which changes nothing but is told in :meth:`health`.
        stop_optional: called as long as a disk is nearly full, at each look.
    """

    def __init__(self, folders: Mapping[str, Path], watermarks: Watermarks, *, clock: Clock,
                 stop_optional: Callable[[], None], free: Callable[[Path], int] = free_bytes) -> None:
        self._folders = folders
        self._watermarks = watermarks
        self._clock = clock
        self._free = free
        self._stop_optional = stop_optional
        self._states = dict.fromkeys(folders, State.WELL)
        self._found: dict[str, int | None] = dict.fromkeys(folders)

    @property
    def state(self) -> State:
        """The worst of all folders."""
        return max(self._states.values(), key=_ORDER.index, default=State.WELL)

    @property
    def nearly_full(self) -> bool:
        """Whether optional recordings have to wait."""
        return self.state is State.NEARLY_FULL

    def health(self) -> dict[str, Any]:
        """The state of all, and of each folder with its free bytes; None where they could not be found out."""
        return {"state": self.state.value, "folders": {
            name: {"path": str(folder), "free": self._found[name], "state": self._states[name].value}
            for name, folder in self._folders.items()}}

    async def look(self) -> None:
        """Look once; say what changed, and have optional recordings stopped where that is needed."""
        self._found = await asyncio.to_thread(self._measured)
        for name, free in self._found.items():
            if free is not None:
                before, self._states[name] = self._states[name], self._watermarks.state(free, self._states[name])
                self._tell(name, before, free)
        if self.nearly_full:
            self._stop_optional()

    async def run(self) -> None:
        """Look every 10 s until cancelled."""
        while True:
            await self._clock.wait(asyncio.Event(), EVERY_S)
            await self.look()

    def _measured(self) -> dict[str, int | None]:
        """In a thread: a network file system may take its time."""
        found: dict[str, int | None] = {}
        for name, folder in self._folders.items():
            try:
                found[name] = self._free(folder)
            except OSError:
                found[name] = None
        return found

    def _tell(self, name: str, before: State, free: int) -> None:
        state = self._states[name]
        if state is before:
            return
        wrong = fault(state, name, self._folders[name], free)
        if wrong is None:
            log.info("there is room on the disk again", folder=str(self._folders[name]), free=in_words(free))
        else:
            log.warning(wrong.message, fault=wrong.id, consequence=wrong.recording, remedy=wrong.remedy)


def stop_optional(drivers: Iterable[Driver], at: float) -> None:
    """Ask for the end of every optional recording that runs. A mandatory one goes on."""
    for driver in drivers:
        for call in driver.calls():
            if _optional(call) and call.recording is not None and not call.stopped:
                log.warning("optional recording stopped", call=call.id, reason=_REASON)
                driver.ask(Asked(switch=driver.name, at=at, request=str(uuid.uuid4()), verb=Verb.STOP, target=call.id,
                                 actor=ActorKind.SERVICE, owner="service", reason=_REASON))


def may_start(call: Call) -> None:
    """Whether a recording of a call may be asked for while a disk is nearly full.

    Raises:
        RequestRefused: it would be an optional one.
    """
    if _optional(call):
        raise RequestRefused(f"Refused: {_REASON}, and this call's recording is optional.", call=call.id)


def _optional(call: Call) -> bool:
    return call.decision is not None and call.decision.profile is RecordingProfile.OPTIONAL

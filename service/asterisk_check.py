"""What must be so on an Asterisk before it can be recorded, looked at over ARI and in its spool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Set
from pathlib import Path

from ari_app.client import Client
from ari_app.connection import check_version
from ari_app.door import encryption
from ari_app.listening import Listening
from faults import (
    SettingsInvalid,
    SpoolUnusable,
    SwitchFault,
    SwitchModuleMissing,
    SwitchOperationFailed,
    SwitchRefused,
)
from media.wav import header
from service import folders
from service.findings import Finding, Verdict, bad, well

_MODULES = ("res_ari_applications.so", "res_ari_asterisk.so", "res_ari_bridges.so", "res_ari_channels.so",
            "res_ari_events.so", "res_ari_recordings.so", "res_stasis_recording.so", "res_stasis_snoop.so",
            "format_wav.so", "func_global.so", "func_strings.so")
_SENDS = ("chan_rtp.so",)
"""What more is needed for what goes to recording servers."""

_TIMING = "res_timing_"
_LOSES_TICKS = "res_timing_timerfd.so"
"""Ticks that a late thread has missed are acknowledged all at once, for one frame of audio."""

_KEEPS_TICKS = "res_timing_pthread.so"
"""Each tick is acknowledged by itself: what is late is caught up with."""


Way = Client | Listening


async def examine(name: str, way: Way, spool: Path, *, servers: bool) -> AsyncIterator[Finding]:
    """Look at one Asterisk, line by line; what cannot be looked at because of a failure before it is left out.

    Args:
        servers: whether calls may go to recording servers.
    """
    try:
        if isinstance(way, Listening) and encryption(way.door) is not None:
            yield well(f"{name}: certificate", f"{way.door.certificate} and its key can be used")
    except SettingsInvalid as fault:
        yield bad(f"{name}: certificate", fault)
        return
    try:
        async with way, way.meet():
            async for finding in _met(name, way, spool, servers):
                yield finding
    except SettingsInvalid as fault:
        yield Finding(subject=f"{name}: listen", verdict=Verdict.NOTE, said=fault.message,
                      remedy="If that is the running service, ask it: `phonograph calls`. Or stop it and check again.")
    except SwitchRefused as fault:
        yield bad(f"{name}: user and password", fault)
    except SwitchFault as fault:
        yield bad(f"{name}: ARI", fault)


async def _met(name: str, way: Way, spool: Path, servers: bool) -> AsyncIterator[Finding]:
    operations = way.operations
    info = await operations.asterisk_get_info(only=("system",))
    check_version(info)
    version = info.system.version if info.system is not None else "of an unknown version"
    yield well(f"{name}: ARI", f"Asterisk {version} answers, and user and password are right")
    for finding in await _modules(name, way, servers):
        yield finding
    async for finding in _spool(name, way, spool):
        yield finding


async def _modules(name: str, way: Way, servers: bool) -> list[Finding]:
    try:
        loaded = {module.name for module in await way.operations.asterisk_list_modules()
                  if module.status == "Running"}
    except SwitchFault as fault:
        return [bad(f"{name}: modules", fault)]
    return modules(name, loaded, servers=servers)


def modules(name: str, loaded: Set[str], *, servers: bool) -> list[Finding]:
    """What the modules that run on an Asterisk mean for recording."""
    needed = (*_MODULES, *(_SENDS if servers else ()))
    missing = [module for module in needed if module not in loaded]
    if not any(module.startswith(_TIMING) for module in loaded):
        missing.append(_KEEPS_TICKS)
    subject = f"{name}: modules"
    found = [bad(subject, SwitchModuleMissing(f"Not loaded: {', '.join(missing)}.")) if missing else
             well(subject, f"all {len(needed) + 1} that recording needs are loaded")]
    if _LOSES_TICKS in loaded:
        # Of several timing modules Asterisk takes this one.
        found.append(Finding(
            subject=f"{name}: timing", verdict=Verdict.NOTE,
            said=f"{_LOSES_TICKS} drives the taps: each time the machine is late by 20 ms, a recording lacks 20 ms",
            remedy=f"In modules.conf, `noload = {_LOSES_TICKS}` and `load = {_KEEPS_TICKS}`, then restart Asterisk."))
    return found


async def _spool(name: str, way: Way, spool: Path) -> AsyncIterator[Finding]:
    subject = f"{name}: spool"
    try:
        with folders.token(spool, header(8000, 1, 0), ".wav") as token:
            yield well(f"{subject} writable", f"a file can be written and read in {spool}")
            try:
                await way.operations.recordings_get_stored(token.stem)
            except SwitchOperationFailed:
                yield bad(f"{subject} shared", SpoolUnusable(
                    f"Asterisk does not see what we write into {spool}: it is not the folder that it records into."))
            except SwitchFault as fault:
                yield bad(f"{subject} shared", fault)
            else:
                yield well(f"{subject} shared", "Asterisk sees the file that we wrote")
    except SpoolUnusable as fault:
        yield bad(f"{subject} writable", fault)
        return
    if folders.open_to_others(spool):
        yield Finding(subject=f"{subject} private", verdict=Verdict.FAIL,
                      said=f"any user of this machine can read {spool}, and Asterisk writes files that all may read",
                      remedy=f"Take that right away: `chmod o-rwx {spool}`.")
    else:
        yield well(f"{subject} private", "no other user of this machine can look into it")

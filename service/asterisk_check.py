"""What must be so on an Asterisk before it can be recorded, looked at over ARI and in its spool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from ari_app.client import Client
from ari_app.connection import check_version
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
            "format_wav.so", "func_global.so")
_TIMING = "res_timing_"


Way = Client | Listening


async def examine(name: str, way: Way, spool: Path) -> AsyncIterator[Finding]:
    """Look at one Asterisk, line by line; what cannot be looked at because of a failure before it is left out."""
    try:
        async with way, way.meet():
            async for finding in _met(name, way, spool):
                yield finding
    except SettingsInvalid as fault:
        yield Finding(subject=f"{name}: listen", verdict=Verdict.NOTE, said=fault.message,
                      remedy="If that is the running service, ask it: `phonograph calls`. Or stop it and check again.")
    except SwitchRefused as fault:
        yield bad(f"{name}: user and password", fault)
    except SwitchFault as fault:
        yield bad(f"{name}: ARI", fault)


async def _met(name: str, way: Way, spool: Path) -> AsyncIterator[Finding]:
    operations = way.operations
    info = await operations.asterisk_get_info(only=("system",))
    check_version(info)
    version = info.system.version if info.system is not None else "of an unknown version"
    yield well(f"{name}: ARI", f"Asterisk {version} answers, and user and password are right")
    yield await _modules(name, way)
    async for finding in _spool(name, way, spool):
        yield finding


async def _modules(name: str, way: Way) -> Finding:
    subject = f"{name}: modules"
    try:
        loaded = {module.name for module in await way.operations.asterisk_list_modules()
                  if module.status == "Running"}
    except SwitchFault as fault:
        return bad(subject, fault)
    missing = [module for module in _MODULES if module not in loaded]
    if not any(module.startswith(_TIMING) for module in loaded):
        missing.append(f"{_TIMING}timerfd.so")
    if missing:
        return bad(subject, SwitchModuleMissing(f"Not loaded: {', '.join(missing)}."))
    return well(subject, f"all {len(_MODULES) + 1} that recording needs are loaded")


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

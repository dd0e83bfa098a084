"""What must be so on a FreeSWITCH before it can be recorded, looked at over its event socket and in its spool."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator

from esl_app.connection import check_version
from esl_app.messages import Event
from esl_app.outbound import GREETING
from esl_app.taplegs import running_profile
from esl_app.wire import Address, Wire, failed, open_wire
from faults import SettingsInvalid, SpoolUnusable, SwitchFault, SwitchModuleMissing, SwitchRefused
from service import folders
from service.findings import Finding, Verdict, bad, well
from service.setting_types import host_and_port
from service.switch_settings import FreeSwitchSettings

_MODULES = ("mod_commands", "mod_dptools", "mod_sndfile")
_SESSIONS = re.compile(r"per Sec out of max ([0-9]+).*?([0-9]+) session\(s\) max", re.DOTALL)
_WITHIN = 1.0
"""Seconds that who listens where we would may take to greet."""


async def examine(name: str, settings: FreeSwitchSettings, *, servers: bool = False) -> AsyncIterator[Finding]:
    """Look at one FreeSWITCH, line by line; what cannot be looked at because of a failure before it is left out.

    Args:
        servers: whether calls may go to recording servers.
    """
    if settings.listen is not None:
        yield await _listen(name, settings.listen)
    assert settings.password is not None, "settings_file.load has read it"
    address = Address(host=settings.host, port=settings.port, password=settings.password.get_secret_value())
    try:
        wire = await open_wire(address, take=_nothing, job_id=lambda: str(uuid.uuid4()))
        reading = asyncio.create_task(wire.read())
        try:
            await wire.log_in(address.password)
            async for finding in _looked(name, wire, settings):
                yield finding
            if servers:
                yield await _senders(name, wire)
        finally:
            wire.close()
            await asyncio.gather(reading, return_exceptions=True)
    except SwitchRefused as fault:
        yield bad(f"{name}: password", fault)
    except SwitchFault as fault:
        yield bad(f"{name}: event socket", fault)


def _nothing(event: Event) -> None:
    """Nothing is subscribed."""


async def _listen(name: str, listen: str) -> Finding:
    """Whether Phonograph listens there, or could."""
    subject, (host, port) = f"{name}: listen", host_and_port(listen)
    try:
        async with asyncio.timeout(_WITHIN):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        try:
            server = await asyncio.start_server(lambda _reader, writer: writer.close(), host, port)
        except OSError as taken:
            return bad(subject, SettingsInvalid(f"Nothing can listen on {listen}: {taken.strerror}."))
        server.close()
        return well(subject, f"{listen} is free")
    try:
        async with asyncio.timeout(_WITHIN):
            greeted = await reader.readexactly(len(GREETING)) == GREETING
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        greeted = False
    finally:
        writer.close()
    if greeted:
        return well(subject, f"Phonograph listens on {listen}")
    return Finding(subject=subject, verdict=Verdict.NOTE, said=f"Somebody listens on {listen} who does not greet.",
                   remedy="If that is the running service, it is not connected with this FreeSWITCH. If it is another "
                          "program, give `listen` another port.")


async def _looked(name: str, wire: Wire, settings: FreeSwitchSettings) -> AsyncIterator[Finding]:
    version = await wire.api("version")
    check_version(version)
    yield well(f"{name}: event socket", version.strip().partition("(")[0].strip())
    missing = [module for module in _MODULES if (await wire.api("module_exists", module)).strip() != "true"]
    if missing:
        yield bad(f"{name}: modules", SwitchModuleMissing(f"FreeSWITCH has not loaded {', '.join(missing)}."))
    else:
        yield well(f"{name}: modules", "all that recording needs are loaded")
    try:
        yield await _spool(name, wire, settings)
    except SpoolUnusable as fault:
        yield bad(f"{name}: spool", fault)


async def _senders(name: str, wire: Wire) -> Finding:
    """Whether audio can be sent to recording servers: that takes a SIP profile, and two sessions for each call."""
    subject = f"{name}: recording servers"
    profile = running_profile(await wire.api("sofia", "status"))
    if profile is None:
        return Finding(subject=subject, verdict=Verdict.FAIL, said="FreeSWITCH has no SIP profile that runs.",
                       remedy="Load mod_sofia with a profile: by it the audio is sent.")
    limits = _SESSIONS.search(await wire.api("status"))
    room = f"; each call takes two sessions more, of {limits[2]}, and of {limits[1]} a second" if limits else ""
    return well(subject, f"audio can be sent by the profile {profile}{room}")


async def _spool(name: str, wire: Wire, settings: FreeSwitchSettings) -> Finding:
    """Whether the folder is the one that FreeSWITCH sees: it is asked for a file that we put there."""
    folders.prove(settings.spool)
    token = settings.spool / f".phonograph-check-{uuid.uuid4().hex}"
    there = f"{(settings.spool_there or str(settings.spool)).rstrip('/')}/{token.name}"
    await asyncio.to_thread(token.touch)
    try:
        answer = await wire.api("file_exists", there)
    finally:
        await asyncio.to_thread(token.unlink)
    if failed(answer) or answer.strip() != "true":
        raise SpoolUnusable(f"FreeSWITCH does not see the files that are put into {settings.spool}.",
                            path=str(settings.spool))
    return well(f"{name}: spool", f"FreeSWITCH sees {settings.spool}")

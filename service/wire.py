"""Which switches there are: the only place that names concrete apps."""

from __future__ import annotations

import math
import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from ari_app.client import Address, Client
from ari_app.door import Door as AriDoor
from ari_app.listening import Listening
from ari_app.switch import AriSwitch
from esl_app.answerer import Answerer
from esl_app.outbound import Door
from esl_app.switch import EslSwitch
from esl_app.wire import Address as EventSocket
from link.lease import Holder
from recorder.ports import Switch
from recorder.world import Limits
from service import asterisk_check, freeswitch_check, shared_folders
from service.findings import Finding
from service.setting_types import host_and_port
from service.switch_settings import AsteriskSettings, Connect, FreeSwitchSettings, SwitchSettings

__all__ = ["Holder", "examine", "holder", "limits", "switch"]

_DRAINED = 0.2
"""Seconds after which a switch has nothing more of what was said before a resume. On a quiet machine Asterisk needed
none and FreeSWITCH 40 ms; at three times the load that the cores can bear, one or two of a thousand recordings began
with 20 ms of what was said in the pause, on either."""
_MIX_DRAINED = 0.6
"""The same of a conference's mix: FreeSWITCH may have half a second of each member's audio that is not mixed yet. On a
busy machine 0.52 s were seen."""
_MIX_STALLED = 7.0
"""Seconds: FreeSWITCH writes a conference's mix in blocks of 64 KiB, 4.1 s at 8 kHz; a look every second comes late."""


def holder(ledger: str, local_socket: Path) -> Holder:
    """Who a service is to a switch that has only one: the same at every start, with another life.

    Args:
        ledger: the ledger's id. Several services may share a ledger, each on its own machine or with its own socket.
    """
    service = uuid.uuid5(uuid.UUID(ledger), f"{socket.gethostname()}:{local_socket}")
    return Holder(service=str(service), life=uuid.uuid4().hex)


def limits(settings: SwitchSettings, confirm_within: float) -> Limits:
    """The times that the engine works by on that switch.

    Args:
        confirm_within: seconds that the end of a tap may take.
    """
    if isinstance(settings, FreeSwitchSettings):
        # A recording goes on through a transfer and whatever comes after it; through a hold of its leg it does not.
        return Limits(confirm_within=confirm_within, renew_for_next_party=False, renew_after=math.inf, stall_after=2.0,
                      mix_stall_after=_MIX_STALLED, resume_after=_DRAINED, mix_resume_after=_MIX_DRAINED,
                      ends_at_hold=True)
    return Limits(confirm_within=confirm_within, adopts=settings.audio_path is not None,
                  renew_after=settings.renew_taps_after, resume_after=_DRAINED)


def switch(name: str, settings: SwitchSettings, holder: Holder) -> Switch:
    """The switch that the settings describe."""
    if isinstance(settings, FreeSwitchSettings):
        assert settings.password is not None, "settings_file.load has read it"
        address = EventSocket(host=settings.host, port=settings.port, password=settings.password.get_secret_value())
        door = Door(*host_and_port(settings.listen), settings.clients) if settings.listen is not None else None
        return EslSwitch(name, address, holder, spool=settings.spool_there or str(settings.spool),
                         operations_per_second=settings.operations_per_second, door=door,
                         answerer=Answerer(*host_and_port(settings.taps_listen)))
    return AriSwitch(name, _way(settings), holder, operations_per_second=settings.operations_per_second)


async def examine(name: str, settings: SwitchSettings, *, servers: bool) -> AsyncIterator[Finding]:
    """What ``phonograph check`` says of a switch, line by line.

    Args:
        servers: whether calls may go to recording servers.
    """
    findings = (freeswitch_check.examine(name, settings, servers=servers) if isinstance(settings, FreeSwitchSettings)
                else asterisk_check.examine(name, _way(settings), settings.spool, servers=servers))
    async for finding in findings:
        yield finding
    if isinstance(settings, AsteriskSettings):
        for finding in shared_folders.examine(name, settings.spool, settings.audio_path):
            yield finding


def _way(settings: AsteriskSettings) -> Client | Listening:
    assert settings.password is not None, "settings_file.load has read it"
    password = settings.password.get_secret_value()
    if settings.connect is Connect.LISTEN:
        host, port = host_and_port(settings.listen)
        return Listening(AriDoor(host=host, port=port, user=settings.user, password=password,
                                 app=settings.application, certificate=settings.tls_certificate,
                                 key=settings.tls_key))
    return Client(Address(url=f"{settings.url.rstrip('/')}/ari", user=settings.user, password=password,
                          app=settings.application))

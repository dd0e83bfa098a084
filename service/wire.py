"""Which switches there are: the only place that names concrete apps."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from ari_app.client import Address, Client
from ari_app.door import Door
from ari_app.listening import Listening
from ari_app.switch import AriSwitch
from link.lease import Holder
from recorder.ports import Switch
from service import asterisk_check
from service.findings import Finding
from service.settings import AsteriskSettings, Connect

__all__ = ["Holder", "examine", "holder", "switch"]


def holder(ledger: str, local_socket: Path) -> Holder:
    """Who a service is to a switch that has only one: the same at every start, with another life.

    Args:
        ledger: the ledger's id. Several services may share a ledger, each on its own machine or with its own socket.
    """
    service = uuid.uuid5(uuid.UUID(ledger), f"{socket.gethostname()}:{local_socket}")
    return Holder(service=str(service), life=uuid.uuid4().hex)


def switch(name: str, settings: AsteriskSettings, holder: Holder) -> Switch:
    """The switch that the settings describe."""
    return AriSwitch(name, _way(settings), holder, operations_per_second=settings.operations_per_second)


def examine(name: str, settings: AsteriskSettings) -> AsyncIterator[Finding]:
    """What ``phonograph check`` says of a switch, line by line."""
    return asterisk_check.examine(name, _way(settings), settings.spool)


def _way(settings: AsteriskSettings) -> Client | Listening:
    assert settings.password is not None, "settings_file.load has read it"
    password = settings.password.get_secret_value()
    if settings.connect is Connect.LISTEN:
        host, _, port = settings.listen.rpartition(":")
        return Listening(Door(host=host.strip("[]"), port=int(port), user=settings.user, password=password,
                              app=settings.application, certificate=settings.tls_certificate,
                              key=settings.tls_key))
    return Client(Address(url=f"{settings.url.rstrip('/')}/ari", user=settings.user, password=password,
                          app=settings.application))

"""Which switches there are: the only place that names concrete apps."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ari_app.client import Address, Client
from ari_app.switch import AriSwitch
from recorder.ports import Switch
from service import asterisk_check
from service.findings import Finding
from service.settings import AsteriskSettings


def switch(name: str, settings: AsteriskSettings) -> Switch:
    """The switch that the settings describe."""
    return AriSwitch(name, _address(settings), operations_per_second=settings.operations_per_second)


def examine(name: str, settings: AsteriskSettings) -> AsyncIterator[Finding]:
    """What ``phonograph check`` says of a switch, line by line."""
    return asterisk_check.examine(name, Client(_address(settings)), settings.spool)


def _address(settings: AsteriskSettings) -> Address:
    assert settings.password is not None, "settings_file.load has read it"
    return Address(url=f"{settings.url.rstrip('/')}/ari", user=settings.user,
                   password=settings.password.get_secret_value(), app=settings.application)

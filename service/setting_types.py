"""What all sections of the settings are made of."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


ADDRESS = r"^([^/\s@:\[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5}$"
"""An address and a port to listen at."""


def host_and_port(listen: str) -> tuple[str, int]:
    """The two parts of an address to listen at."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether nobody on another machine can listen to what goes to that host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def known_zone(name: str) -> bool:
    """Whether this machine knows an IANA time zone of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


SIZE = r"^[0-9]+(\.[0-9]+)? ?(MB|GB|TB)$"
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


def size(text: str) -> int:
    """The bytes of a size such as ``5GB``; the units are powers of 1000, as disks are sold."""
    return round(float(text[:-2]) * _UNITS[text[-2:]])


Number = Annotated[float, BeforeValidator(_no_flag)]
Count = Annotated[int, BeforeValidator(_no_flag)]


class Section(BaseModel):
    """A part of the settings: frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def section_of(kind: Any) -> type[Section] | None:
    """The section that a field of that type holds, be it one, one or none, or several under their names."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    return next((found for one in get_args(kind) if (found := section_of(one)) is not None), None)

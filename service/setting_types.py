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

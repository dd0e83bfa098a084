"""What was asked for of a call and carried out: starts, stops, recording servers that were named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedServer:
    """A call was to go to a recording server as well because somebody named it, from ``asked`` to ``ended`` (None: it
    still is, or was until its recording ended)."""

    server: str
    asked: float
    ended: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A start or a stop that was carried out because somebody asked for it.

    Attributes:
        verb: ``start`` or ``stop``. actor: what kind of asker. leg: the party's, where a party asked.
        server: the recording server that alone was meant, or empty.
    """

    at: float
    verb: str
    actor: str
    leg: str | None = None
    reason: str = ""
    server: str = ""

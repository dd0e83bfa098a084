"""What Asterisk itself has counted of the packets that came to it, by its command ``pjsip show channelstats``."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from tests.asterisk import AsteriskServer

__all__ = ["Counted", "count", "rates", "read"]

_LINE = re.compile(r"(\S+-[0-9a-f]{8})\s+\d+:\d\d:\d\d\s+\S+\s+(\d+)K?\s+(\d+)")
"""A channel's name, how long it has been up, its codec, and packets received and lost."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Packets received on each channel, by its name, and lost on all of them, at a moment of the monotonic clock."""

    at: float
    received: dict[str, int]
    lost: int


def read(told: str, at: float) -> Counted:
    """The command's answer, given at a moment."""
    found = _LINE.findall(told)
    return Counted(at, {name: int(received) for name, received, _ in found}, sum(int(lost) for _, _, lost in found))


def count(server: AsteriskServer) -> Counted:
    """Ask now; blocks."""
    return read(server.cli("pjsip show channelstats"), time.monotonic())


def rates(first: Counted, second: Counted) -> list[float]:
    """Packets a second that came in on each channel that was up at both times, the slowest first."""
    return sorted((second.received[name] - before) / (second.at - first.at)
                  for name, before in first.received.items() if name in second.received)

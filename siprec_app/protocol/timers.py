"""Session timers (RFC 4028): who refreshes a session, when, and when it is dead. Seconds on a clock that is given."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST = 90
"""Seconds: no interval is shorter (RFC 4028 section 5)."""

LONGEST_GUARD = 32.0


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """The timer that one successful refresh has set.

    Attributes:
        interval: seconds from one refresh to the end of the session.
        ours: whether we are the refresher.
        since: when the refresh was answered.
    """

    interval: int
    ours: bool
    since: float

    @property
    def role(self) -> str:
        """The refresher as our own requests name it: who it is stays so (RFC 4028 section 7.4)."""
        return "uac" if self.ours else "uas"

    @property
    def refresh_at(self) -> float | None:
        """When we refresh: after half of the interval (RFC 4028 section 7.2 and 10). None when the server does."""
        return self.since + self.interval / 2 if self.ours else None

    @property
    def dead_at(self) -> float:
        """When the session is ended by BYE: 32 s or a third of the interval before its end, whichever is less
        (RFC 4028 section 10)."""
        return self.since + self.interval - min(LONGEST_GUARD, self.interval / 3)


def from_answer(interval: int | None, refresher: str | None, now: float) -> SessionTimer | None:
    """The timer that a 200 to our request sets; none without Session-Expires (RFC 4028 section 7.2).

    Args:
        refresher: ``uac`` is us, ``uas`` the server. Without one it is us, as that can do no harm.
    """
    if interval is None or interval <= 0:
        return None
    return SessionTimer(interval=max(interval, SMALLEST), ours=refresher != "uas", since=now)


def from_request(interval: int | None, refresher: str | None, now: float) -> tuple[SessionTimer | None, str]:
    """The timer that our 200 to the server's request sets, and the refresher to be named in it (RFC 4028 section 9).

    Whom the request names stays; else it is ``uac``, the server that asks.
    """
    named = refresher if refresher in ("uac", "uas") else "uac"
    timer = None if interval is None else SessionTimer(interval=interval, ours=named == "uas", since=now)
    return timer, named

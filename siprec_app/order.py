"""In which order recording servers are asked: that of the settings, those that have just failed last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from siprec_app.protocol.failover import next_server
from siprec_app.protocol.session import Manner
from siprec_app.server import Server

__all__ = ["Named", "Order"]


@dataclass(frozen=True, slots=True)
class Named:
    """A recording server under its name in the settings.

    Attributes:
        manner: how it is spoken to. srtp: whether its audio is encrypted (RFC 3711).
    """

    name: str
    server: Server
    manner: Manner
    srtp: bool


@dataclass(slots=True)
class Order:
    """The servers of the settings, and what is known of them. All calls share it.

    Args:
        rest: seconds for which a server that failed is not asked.
        clock: seconds of a clock that only goes forward.
    """

    servers: Sequence[Named]
    rest: float
    clock: Callable[[], float]
    _rests: dict[str, float] = field(default_factory=dict)
    _dead: set[str] = field(default_factory=set)

    def next(self, tried: Collection[str], only: str | None = None) -> Named | None:
        """The next server for a session for which some were tried already; None when all rest or were tried.

        Args:
            only: the name of the one that is wanted; None: any.
        """
        rests = {**self._rests, **dict.fromkeys(self._dead, float("inf"))}
        name = next_server([one.name for one in self.servers if only in (None, one.name)], tried, rests, self.clock())
        return next((one for one in self.servers if one.name == name), None)

    def failed(self, name: str, rest: float) -> None:
        """A server did not take a session, or lost one; it has asked to be left alone for ``rest`` seconds."""
        self._rests[name] = self.clock() + max(self.rest, rest)

    def took(self, name: str) -> None:
        """A server has taken a session."""
        self._rests.pop(name, None)

    def lives(self, uri: str, alive: bool) -> list[str]:
        """Whether the server of a URI answers. Returns the names that it has."""
        names = [one.name for one in self.servers if one.server.uri == uri]
        for name in names:
            (self._dead.discard if alive else self._dead.add)(name)
            if alive:
                self._rests.pop(name, None)
        return names

    def again(self, only: str | None = None) -> float:
        """Seconds after which it is worth while to ask once more when nobody is left to be asked.

        Args:
            only: as for ``next``.
        """
        now = self.clock()
        waits = [at - now for name, at in self._rests.items()
                 if name not in self._dead and at > now and only in (None, name)]
        return min(waits, default=self.rest)

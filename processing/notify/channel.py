"""What a channel is: a way to tell somebody of a recording. One small file each beside this one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from ledger.changes import What
from ledger.tables import Json
from processing.notify.notice import Notice


class Progress:
    """What has been done of one delivery already; it outlives a break, and the process.

    Args:
        facts: what was kept before.
        keep: writes new facts down, and grants more time: a delivery that goes on is not given up.
    """

    def __init__(self, facts: Mapping[str, Json], keep: Callable[[dict[str, Json]], Awaitable[None]]) -> None:
        self.facts: Mapping[str, Json] = facts
        self._keep = keep

    async def keep(self, facts: Mapping[str, Json]) -> None:
        """Write down what has been done, in addition to what was.

        Raises:
            LeaseLost: another sender has the delivery now. LedgerFault: it could not be written.
        """
        whole = {**self.facts, **facts}
        await self._keep(whole)
        self.facts = whole


class Channel(Protocol):
    """Tells one receiver. An asynchronous context manager: inside it, ``send`` may run several times at once."""

    @property
    def name(self) -> str:
        """Its name in the ledger; it does not change."""

    @property
    def states(self) -> frozenset[What]:
        """The changes that it tells of."""

    @property
    def at_once(self) -> int:
        """How many deliveries of it may be under way."""

    @property
    def patience(self) -> float:
        """Seconds without any progress after which a delivery is broken off."""

    async def __aenter__(self) -> Self:
        """Get ready; nothing is connected yet."""

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        """Let go of every connection."""

    async def send(self, notice: Notice, progress: Progress) -> str:
        """Tell. It may be told twice, under the same ``notice.id``.

        Returns:
            How it went, for who looks at the delivery; no number and no secret.

        Raises:
            ReceiverDeclined: it must not be tried again.
            Fault: it failed; it is tried again later.
        """

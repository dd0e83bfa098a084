"""The snoops that were ended and may still be there: who taps a leg anew waits until they have let go of it.

The end of a recording, and the answer to a deletion, come before the snoop's end. A snoop that is made meanwhile
shares with the old one what makes it deaf to the next party (`recorder.talking`): 8 of 30 were. One that whispers holds
on to it as one that hears does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

_GONE_WITHIN = 0.3


@dataclass(frozen=True, slots=True)
class _Snoop:
    leg: str
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Leaving:
    """The snoops of one Asterisk that are on their way out."""

    def __init__(self) -> None:
        self._snoops: dict[str, _Snoop] = {}

    def leaves(self, snoop: str, leg: str) -> None:
        """A snoop on a leg is about to be deleted."""
        self._snoops.setdefault(snoop, _Snoop(leg))

    def gone(self, snoop: str) -> None:
        """ChannelDestroyed of a snoop, or there is none."""
        leaving = self._snoops.pop(snoop, None)
        if leaving is not None:
            leaving.gone.set()

    def forget(self) -> None:
        """The switch restarted: none of them is left."""
        self._snoops.clear()

    async def left(self, leg: str) -> None:
        """Wait, not for long, until those on that leg are gone."""
        leaving = {snoop: one for snoop, one in self._snoops.items() if one.leg == leg}
        try:
            async with asyncio.timeout(_GONE_WITHIN):
                for one in leaving.values():
                    await one.gone.wait()
        except TimeoutError:
            for snoop in leaving:
                self._snoops.pop(snoop, None)

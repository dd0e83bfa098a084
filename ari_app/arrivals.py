"""What one event alone tells of a channel: where it came in, what was dialled on it, whether it holds. Pure.

A channel's dialplan position moves on with every Goto and Gosub, and the first event that knows the endpoint's
variables comes after some of them. Only ChannelCreated tells the context and the number that the channel began with.
That its party holds the call stands in ChannelHold and ChannelUnhold, and in no channel.
"""

from __future__ import annotations

from dataclasses import replace

from ari_app.generated.models import Channel
from recorder.events import CallEvent, LegGone, LegIs
from recorder.model import Leg


class Arrivals:
    """The first dialplan position of every channel that is there, and who holds; it forgets a channel when that one is
    gone. A hold that began while nobody looked is not known."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}
        self._holding: set[str] = set()

    def __len__(self) -> int:
        return len(self._first)

    def created(self, channel: Channel) -> None:
        """ChannelCreated."""
        self._first[channel.id] = (channel.dialplan.context, channel.dialplan.exten)

    def holds(self, channel: str, *, held: bool) -> None:
        """ChannelHold, or ChannelUnhold."""
        (self._holding.add if held else self._holding.discard)(channel)

    def dress(self, told: list[CallEvent]) -> list[CallEvent]:
        """The events with the legs' first positions and holds in them, where these are known."""
        dressed = [self._dressed(event) for event in told]
        for event in told:
            if isinstance(event, LegGone):
                self._first.pop(event.leg, None)
                self._holding.discard(event.leg)
        return dressed

    def keep(self, present: set[str]) -> None:
        """After a snapshot: forget the channels that ended while nobody looked.

        Args:
            present: the ids of all channels that are there.
        """
        self._first = {channel: first for channel, first in self._first.items() if channel in present}
        self._holding &= present

    def dressed(self, leg: Leg) -> Leg:
        """The leg with its first position and its hold, where these are known."""
        context, dialled = self._first.get(leg.id, (leg.context, leg.dialled))
        return replace(leg, context=context, dialled=dialled, held=leg.id in self._holding)

    def _dressed(self, event: CallEvent) -> CallEvent:
        return replace(event, leg=self.dressed(event.leg)) if isinstance(event, LegIs) else event

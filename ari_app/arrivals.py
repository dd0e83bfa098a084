"""Where each channel came in, and what was dialled on it. Pure.

A channel's dialplan position moves on with every Goto and Gosub, and the first event that knows the endpoint's
variables comes after some of them. Only ChannelCreated tells the context and the number that the channel began with.
"""

from __future__ import annotations

from dataclasses import replace

from ari_app.generated.models import Channel
from recorder.events import CallEvent, LegGone, LegIs


class Arrivals:
    """The first dialplan position of every channel that is there; it forgets a channel when that one is gone."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._first)

    def created(self, channel: Channel) -> None:
        """ChannelCreated."""
        self._first[channel.id] = (channel.dialplan.context, channel.dialplan.exten)

    def dress(self, told: list[CallEvent]) -> list[CallEvent]:
        """The events with the legs' first positions in them, where these are known."""
        dressed = [self._dressed(event) for event in told]
        for event in told:
            if isinstance(event, LegGone):
                self._first.pop(event.leg, None)
        return dressed

    def keep(self, present: set[str]) -> None:
        """After a snapshot: forget the channels that ended while nobody looked.

        Args:
            present: the ids of all channels that are there.
        """
        self._first = {channel: first for channel, first in self._first.items() if channel in present}

    def _dressed(self, event: CallEvent) -> CallEvent:
        if not isinstance(event, LegIs) or event.leg.id not in self._first:
            return event
        context, dialled = self._first[event.leg.id]
        return replace(event, leg=replace(event.leg, context=context, dialled=dialled))

"""Announcements on Asterisk: a snoop on a leg that hears nothing and whispers a sound or a beep into the conversation.

What is whispered ``out`` is heard by the party on the leg, ``both`` also by those whom it talks with. It is mixed into
what is said: nobody is muted or delayed by it. A whisper has nothing to be mixed into where no packet goes that way,
so a party hears nothing of it while the other one sends nothing.

A beep is one tone list that Asterisk repeats by itself: it goes on while we are away, and ends with its leg or with the
deletion of its snoop. A snoop whose sound has ended stays, so it is deleted then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

import structlog

from ari_app.leaving import Leaving
from ari_app.names import announcement_channel, announcement_of
from faults import SwitchFault, SwitchOperationFailed
from policy.types import Announcement
from recorder.effects import Announce, Hush
from recorder.events import Announced
from recorder.playback import Heard
from recorder.states import PlaybackInput

log = structlog.get_logger("asterisk")

_UP_WITHIN = 2.5

Whisper = Literal["out", "both"]


class AnnouncementOperations(Protocol):
    """The ARI operations that announcements need. They raise ``faults.SwitchFault``."""

    async def whisper(self, leg: str, snoop: str, whisper: Whisper) -> None:
        """Make a snoop channel on a leg that only speaks."""

    async def play(self, snoop: str, media: str) -> None:
        """Play into a snoop; the playback has its id."""

    async def delete(self, snoop: str) -> None:
        """Hang a snoop up."""


class Announcements:
    """All announcements of one Asterisk.

    Args:
        switch: the switch's name, for the events.
        operations: the ARI operations.
        leaving: the snoops on their way out, which the next tap of their leg waits for.
        tell: takes each event.
        sequence: the next sequence number of the connection.
        clock: seconds since the Unix epoch; for what Asterisk gives no time of.
    """

    def __init__(self, switch: str, operations: AnnouncementOperations, leaving: Leaving, *,
                 tell: Callable[[Announced], None], sequence: Callable[[], int], clock: Callable[[], float]) -> None:
        self._switch = switch
        self._operations = operations
        self._leaving = leaving
        self._tell = tell
        self._sequence = sequence
        self._clock = clock
        self._entering: dict[str, asyncio.Event] = {}

    async def announce(self, effect: Announce) -> None:
        """Make the snoop, wait until it is ours, play into it. That it plays is Asterisk's own word."""
        snoop = announcement_channel(effect.announcement)
        self._entering[snoop] = entered = asyncio.Event()
        try:
            async with asyncio.timeout(_UP_WITHIN):
                await self._operations.whisper(effect.leg, snoop, "out" if effect.heard is Heard.LEG else "both")
                await entered.wait()
                await self._operations.play(snoop, media(effect.what))
        except SwitchFault as fault:
            await self._failed(effect.announcement, fault.message)
        except TimeoutError:
            await self._failed(effect.announcement, "the snoop channel did not come up in time")
        finally:
            del self._entering[snoop]

    async def hush(self, effect: Hush) -> None:
        """Delete the snoop. Where Asterisk refuses, the next snapshot shows the announcement and it is asked again."""
        snoop = announcement_channel(effect.announcement)
        if effect.leg:
            self._leaving.leaves(snoop, effect.leg)
        if await self.end(snoop):
            self._say(effect.announcement, PlaybackInput.ENDS, self._clock())

    def refused(self, effect: Announce, cause: str) -> None:
        """An announcement that never began, because too much waited."""
        self._say(effect.announcement, PlaybackInput.FAILS, self._clock(), cause)

    def snoop_entered(self, snoop: str) -> None:
        """StasisStart of a snoop: it is ours to play into."""
        if snoop in self._entering:
            self._entering[snoop].set()

    def playback_started(self, playback: str, at: float) -> None:
        """PlaybackStarted."""
        if (announcement := announcement_of(playback)) is not None:
            self._say(announcement, PlaybackInput.PLAYS, at)

    def playback_finished(self, playback: str, at: float, state: str) -> bool:
        """PlaybackFinished. Whether it was one of ours: its snoop is to be deleted."""
        if (announcement := announcement_of(playback)) is None:
            return False
        if state == "done":
            self._say(announcement, PlaybackInput.ENDS, at)
        else:
            self._say(announcement, PlaybackInput.FAILS, at, "Asterisk did not play it to its end")
        return True

    async def end(self, snoop: str) -> bool:
        """Delete a snoop; whether it is gone now."""
        try:
            await self._operations.delete(snoop)
        except SwitchOperationFailed as fault:
            if fault.details.get("status") == 404:
                self._leaving.gone(snoop)
                return True
            log.warning("an announcement could not be ended", snoop=snoop, why=fault.message)
            return False
        except SwitchFault as fault:
            log.debug("an announcement could not be ended", snoop=snoop, why=fault.message)
            return False
        return True

    async def _failed(self, announcement: str, cause: str) -> None:
        await self.end(announcement_channel(announcement))
        self._say(announcement, PlaybackInput.FAILS, self._clock(), cause)

    def _say(self, announcement: str, news: PlaybackInput, at: float, cause: str = "") -> None:
        self._tell(Announced(switch=self._switch, at=at, sequence=self._sequence(), announcement=announcement,
                             news=news, cause=cause))


def media(what: Announcement) -> str:
    """What ARI plays: a sound by its name, or a beep as a tone list without an end. A list's parts are separated by
    ``|``, since ARI takes a comma for the next thing to play."""
    if what.beep is None:
        return f"sound:{what.sound}"
    on, off = round(what.beep.seconds * 1000), round((what.beep.every - what.beep.seconds) * 1000)
    return f"tone:{what.beep.hertz}/{on}|0/{off}"

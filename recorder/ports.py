"""What the engine's driver needs of a switch, which ari_app and esl_app implement, and of recording servers, which
siprec_app does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from recorder.effects import Announce, Attach, Detach, Hush, Mark, Release, Reply
from recorder.events import CallEvent, TapDown
from recorder.model import Call, Direction, RtpCounters


@dataclass(frozen=True, slots=True)
class RtpAddress:
    """Where RTP is received: an IP address and a UDP port. ``codecs``: what it takes there, of G.711's two laws."""

    host: str
    port: int
    codecs: tuple[str, ...] = ("PCMU", "PCMA")


NOWHERE: Mapping[Direction, RtpAddress] = MappingProxyType({})
"""For a tap that is written into files."""


class Switch(Protocol):
    """One switch.

    Commands return nothing and raise nothing for what the switch does: whatever comes of them arrives in ``events``,
    so an accepted request cannot pass for proof.
    """

    @property
    def name(self) -> str:
        """The name of the switch in the settings."""

    def events(self) -> AsyncIterator[CallEvent]:
        """Everything that happens, from a ``SwitchUp`` with a full snapshot on, until the task is cancelled."""

    def taken(self, event: CallEvent) -> None:
        """The engine has taken an event, and the detaches that follow from it have been given before."""

    async def attach(self, effect: Attach, to: Mapping[Direction, RtpAddress] = NOWHERE) -> None:
        """Attach a tap: ``TapUp``, ``TapFailed`` or ``TapDown`` follows.

        Args:
            to: where the audio of each direction is sent, G.711 by RTP, if its sink is a recording server.
        """

    async def detach(self, effect: Detach) -> None:
        """End a tap, before anything else that waits: ``TapDown`` or ``TapFailed`` follows."""

    async def announce(self, effect: Announce) -> None:
        """Play an announcement: ``Announced`` follows, and again when it is over."""

    async def hush(self, effect: Hush) -> None:
        """End an announcement: ``Announced`` follows, also when there is none of that id."""

    async def mark(self, effect: Mark) -> None:
        """Set variables on a leg; a leg that is gone is no error."""

    async def release(self, effect: Release) -> None:
        """Let a leg that waits for its decision go on in its dialplan, with the variables set, before anything else
        that waits. A leg that is gone is no error."""

    async def reply(self, effect: Reply) -> None:
        """Answer who asked through the switch, if anybody did. Like a detach it waits for nothing else."""

    async def packets(self, leg: str) -> RtpCounters | None:
        """How many RTP packets a leg has had so far; None where the switch cannot say. Nothing follows from the answer
        alone: it is a question, not a command."""

    async def show(self, status: str) -> None:
        """Put a text where the switch's own console shows it, if it has such a place."""

    async def resync(self) -> None:
        """Read everything again: a ``SwitchUp`` follows."""


class RecordingServers(Protocol):
    """Where the taps' audio goes that is not written into files. What becomes of sessions arrives as ``SessionIs``."""

    async def open(self, effect: Attach) -> Mapping[Direction, RtpAddress]:
        """Where the switch is to send the audio of a tap.

        Raises:
            RecordingServerFault: there is no room for another one.
        """

    async def silence(self, segment: str) -> None:
        """Nothing of that tap goes to any server any more, from before this returns.

        Raises:
            RecordingServerFault: what sends it has not said so in time. Once the switch has ended the tap, nothing
                that is said after that can go there.
        """

    async def counted(self, event: TapDown) -> TapDown:
        """The end of a tap, with what the servers were sent of it."""

    def follow(self, calls: Iterable[Call]) -> None:
        """These calls have changed: what the servers are told of them follows, without being waited for."""

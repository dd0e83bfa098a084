"""Channels whose dialplan waits for the decision: in our application, by ``Stasis(recorder[,options])``, or for shared
variables, after ``UserEvent(RecorderControl,action: decide)``, which the macro ``recorder-decide`` does.

Whatever goes wrong behind us, a channel is in our application for a second at most. Only while this process cannot run
at all does a channel wait longer: Asterisk's ``Stasis()`` knows no time-out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable

import structlog

from ari_app.generated import events as ari
from ari_app.generated.models import Channel
from ari_app.generated.operations import Operations
from ari_app.names import ours
from ari_app.translate import leg_of
from ari_app.variables import at_once
from faults import SwitchFault, SwitchOperationFailed
from recorder.effects import Release
from recorder.events import CallEvent, Held, LegIs
from recorder.model import Leg, LegKind
from recorder.spoken import choice_of

log = structlog.get_logger("asterisk")

_HELD_AT_MOST = 1.0
"""Seconds. The engine lets go much sooner; this is for when it does not."""
_TOLD_WITHIN = 0.25
"""Seconds that the variables may take before the channel goes on without them."""
_GONE = frozenset({404, 409, 412})
"""Statuses that say: that channel is not there, or not with us, any more."""


def options(arguments: Iterable[str]) -> tuple[bool | None, list[str]]:
    """The choice in the arguments of ``Stasis()``, and what is wrong with the others, as sentences. Pure.

    Of what a dialplan writes only words are repeated: it may have taken the rest from a caller.
    """
    choice, wrong = None, []
    for argument in arguments:
        name, _, value = argument.strip().partition("=")
        if name.strip().lower() != "record":
            shown = name if re.fullmatch(r"[A-Za-z_]{1,30}", name) else "of that name"
            wrong.append(f"there is no option {shown}")
        elif (said := choice_of(value)) is None:
            wrong.append("record is neither yes nor no")
        else:
            choice = said
    return choice, wrong


def asks(event: ari.ChannelUserevent) -> bool:
    """Whether a UserEvent asks for the decision. Pure."""
    return event.eventname == "RecorderControl" and event.userevent.get("action") == "decide"


def caught(channel: Channel, application: str) -> bool:
    """Whether a dialplan has sent a channel into our application, where it is now. Pure."""
    position = channel.dialplan
    return (position.app_name == "Stasis" and position.app_data.partition(",")[0].strip() == application
            and not ours(channel.id))


class Stasis:
    """Who waits.

    Args:
        switch: the switch's name, for the events.
        sequence: the next sequence number of the connection.
        start: begins a task.
    """

    def __init__(self, switch: str, operations: Operations, *, sequence: Callable[[], int],
                 start: Callable[[Coroutine[None, None, None]], None]) -> None:
        self._switch = switch
        self._operations = operations
        self._sequence = sequence
        self._start = start
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def entered(self, event: ari.StasisStart) -> list[CallEvent]:
        """A channel that is none of our snoops has come in: what to tell the engine."""
        channel, at = event.channel, event.timestamp
        leg = leg_of(channel, at)
        if leg.kind is LegKind.OWN:
            self._start(self._continue(leg.id))
            return []
        choice, wrong = options(event.args)
        for sentence in wrong:
            log.warning("an argument of Stasis() is passed over", channel=leg.name, why=sentence)
        self._forget(leg.id)
        self._waiting[leg.id] = asyncio.get_running_loop().call_later(_HELD_AT_MOST, self._overdue, leg.id)
        return self._told(leg, at, choice, inside=True)

    def asked(self, event: ari.ChannelUserevent) -> list[CallEvent]:
        """A dialplan asks for the decision, and goes on by itself when none comes."""
        if event.channel is None:
            return []
        leg = leg_of(event.channel, event.timestamp)
        return [] if leg.kind is LegKind.OWN else self._told(leg, event.timestamp, None, inside=False)

    async def release(self, effect: Release) -> None:
        """Leave the variables on the channel, as plain ones, then let it go, whatever became of them."""
        self._forget(effect.leg)
        try:
            async with asyncio.timeout(_TOLD_WITHIN):
                variable, value = at_once(effect.variables)
                await self._operations.channels_set_channel_var(effect.leg, variable=variable, value=value)
        except (SwitchFault, TimeoutError) as error:
            log.debug("a waiting call could not be told its decision", call=effect.call, why=str(error))
        await self._continue(effect.leg)

    async def release_all(self, application: str) -> None:
        """Let go of the channels that were caught in our application while nobody was there. The application itself
        has forgotten them: Asterisk takes a channel off its list when the connection breaks.

        Raises:
            SwitchFault: Asterisk did not say which.
        """
        channels = await self._operations.channels_list()
        await asyncio.gather(*(self._continue(channel.id) for channel in channels if caught(channel, application)))

    def _told(self, leg: Leg, at: float, choice: bool | None, *, inside: bool) -> list[CallEvent]:
        return [LegIs(switch=self._switch, at=at, sequence=self._sequence(), leg=leg),
                Held(switch=self._switch, at=at, sequence=self._sequence(), leg=leg.id, choice=choice, inside=inside)]

    def _overdue(self, channel: str) -> None:
        self._waiting.pop(channel, None)
        log.error("a call was held for its decision too long and goes on without one", channel=channel)
        self._start(self._continue(channel))

    def _forget(self, channel: str) -> None:
        if waiting := self._waiting.pop(channel, None):
            waiting.cancel()

    async def _continue(self, channel: str) -> None:
        try:
            await self._operations.channels_continue_in_dialplan(channel)
        except SwitchOperationFailed as fault:
            if fault.details.get("status") not in _GONE:
                log.warning("a call could not be sent back into its dialplan", channel=channel, why=fault.message)
        except SwitchFault as fault:
            log.warning("a call could not be sent back into its dialplan", channel=channel, why=fault.message)

"""What a dialplan, a feature code or Asterisk's console asks for, as the recorder's requests. Pure.

================================  ====================================================================================
``UserEvent(RecorderControl,..)``  in the dialplan and in feature codes, with the fields ``action``, ``owner``,
                                  ``reason``, ``longest`` (seconds), ``then`` (resume or stop), ``by: feature``,
                                  ``ticket``, ``server`` (a recording server's name)
a Local channel's UserEvent       from the console (dialplan/recorder.conf, ``recorder-console``): the channel's name
                                  says what, the event's name says which channel; ``server``
================================  ====================================================================================

Who is meant by the dialplan is the channel that the event is about, as Asterisk says it. No field names a channel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ari_app.generated.events import ChannelUserevent
from recorder.effects import Reply
from recorder.events import ActorKind, Asked, Verb
from recorder.model import Then
from recorder.spoken import seconds_of

EVENT = "RecorderControl"
"""The UserEvent's name."""

ANSWER = "RECORDER_ANSWER"
"""The shared variable of the asking channel that has the answer: ``confirmed 7``, 7 being the question's ticket."""

_VERBS = {"pause": Verb.PAUSE, "resume": Verb.RESUME, "start": Verb.START, "stop": Verb.STOP}
_CONSOLE = re.compile(r"Local/([a-z]+)@recorder-console-[0-9a-f]{8};1")
_TICKET = re.compile(r"[0-9]{1,6}")


_HELPER = re.compile(r"Local/[^@]+@recorder-(console|untap)-[0-9a-f]{8};[12]")


def helper_channel(name: str) -> bool:
    """Whether a channel is one of dialplan/recorder.conf's own helpers: nobody's call. What a caller dialled may stand
    in a Local channel's name, and must not make it one."""
    return _HELPER.fullmatch(name) is not None


def asked(event: ChannelUserevent, switch: str, sequence: int) -> Asked | None:
    """The request that a UserEvent is, or None for another one and for one that does not say what to do."""
    channel = event.channel
    if channel is None:
        return None
    request = f"{channel.id}/{sequence}"
    messenger = _CONSOLE.fullmatch(channel.name)
    if messenger is not None:
        verb = _VERBS.get(messenger[1])
        return Asked(switch=switch, at=event.timestamp, sequence=sequence, request=request, verb=verb,
                     target=event.eventname, actor=ActorKind.OPERATOR, reason="on Asterisk's console",
                     server=_field(event, "server")) if verb else None
    verb = _VERBS.get(_field(event, "action"))
    if event.eventname != EVENT or verb is None:
        return None
    party = _field(event, "by") == "feature"
    return Asked(switch=switch, at=event.timestamp, sequence=sequence, request=request, verb=verb, target=channel.id,
                 actor=ActorKind.PARTY if party else ActorKind.DIALPLAN, actor_leg=channel.id if party else None,
                 owner=_field(event, "owner") or ("agent" if party else "ivr"), reason=_field(event, "reason"),
                 longest=seconds_of(_field(event, "longest")),
                 then=Then.STOP if _field(event, "then") == "stop" else Then.RESUME, server=_field(event, "server"))


@dataclass(frozen=True, slots=True)
class Asker:
    """A channel whose dialplan waits for an answer."""

    channel: str
    ticket: str

    def word(self, reply: Reply) -> str:
        """What to leave in `ANSWER`."""
        return f"{reply.answer.value} {self.ticket}".strip()


def asker_of(event: ChannelUserevent) -> Asker | None:
    """Who asked, if it is one that can be answered."""
    if event.channel is None or helper_channel(event.channel.name):
        return None
    ticket = _field(event, "ticket")
    return Asker(event.channel.name, ticket if _TICKET.fullmatch(ticket) else "")


def _field(event: ChannelUserevent, name: str) -> str:
    value = event.userevent.get(name)
    return value.strip() if isinstance(value, str) else ""

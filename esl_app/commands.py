"""Start, stop, pause and resume, as custom events: from the dialplan, a feature code, or the command line.

====================================  ==================================================================
``recorder::pause``, ``::resume`` ..  the dialplan's ``event`` application, or ``sendevent``
``recorder::command``                 a script for ``fs_cli``; the verb is the header ``Recorder-Verb``
``recorder::decide``                  a dialplan that waits for the decision, and not for long
====================================  ==================================================================

``Recorder-Call`` names a call or leg (without it: the channel that fired the event), ``Recorder-Reason`` and
``Recorder-Owner`` are words for the row, ``Recorder-Longest`` (seconds) and ``Recorder-Then`` (resume or stop) bound a
pause, ``Recorder-Server`` is the name of the one recording server that is meant, ``Recorder-Actor: party`` says that a
person on that channel asked. A script may give them as arguments (``Recorder-Arg-1: reason=pci``).

The answer goes to the channel, as its variable ``recorder_answer`` (``confirmed 7``, 7 being ``Recorder-Ticket``), or
to the script, as the event ``recorder::reply`` with the ``Recorder-Request-ID`` that it gave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from esl_app import lines
from esl_app.messages import Event
from recorder.effects import Reply
from recorder.events import ActorKind, Asked, Held, Verb
from recorder.model import Then
from recorder.spoken import choice_of, seconds_of

_PREFIX = "recorder::"
_MOST_ARGUMENTS = 8

_COMMAND = f"{_PREFIX}command"
_REPLY = f"{_PREFIX}reply"
_STATUS = "status"
_TICKET = re.compile(r"[0-9]{1,6}")
_IDENTITY = re.compile(r"[0-9A-Za-z_.-]{1,64}")

_DECIDE = f"{_PREFIX}decide"

SUBCLASSES = (*(f"{_PREFIX}{verb.value}" for verb in Verb), _COMMAND, _DECIDE)

ANSWER = "recorder_answer"
"""The variable of the asking channel that has the answer."""


def asked(event: Event, switch: str, at: float) -> Asked | None:
    """What a custom event asks for, or None if it is not one of ours or names no verb or target."""
    if event.subclass not in SUBCLASSES:
        return None
    word = event.subclass.removeprefix(_PREFIX)
    verb = event.header("Recorder-Verb") if word == "command" else word
    target = event.header("Recorder-Call") or event.uuid
    if verb not in set(Verb) or not target:
        return None
    arguments = _arguments(event)
    actor = _actor(event)

    def said(name: str) -> str:
        return event.header(f"Recorder-{name}") or arguments.get(name.lower()) or ""

    return Asked(switch=switch, at=at, sequence=event.sequence or 0, request=_request(event), verb=Verb(verb),
                 target=target, actor=actor, actor_leg=event.uuid, owner=said("Owner") or actor.value,
                 reason=said("Reason"), longest=seconds_of(said("Longest")),
                 then=Then.STOP if said("Then") == Then.STOP else Then.RESUME, server=said("Server"))


def waits(event: Event, switch: str, at: float) -> Held | None:
    """The leg whose dialplan waits for the decision, with its wish (``Recorder-Record``); None for any other event."""
    if event.subclass != _DECIDE or event.uuid is None:
        return None
    return Held(switch=switch, at=at, sequence=event.sequence or 0, leg=event.uuid,
                choice=choice_of(event.header("Recorder-Record") or ""), inside=False)


def asks_for_status(event: Event) -> bool:
    """Whether a script wants the table of what is being recorded."""
    return event.subclass == _COMMAND and event.header("Recorder-Verb") == _STATUS


def reply_line(event: Event, answer: str, message: str, body: str = "") -> bytes | None:
    """The event that answers a script; None where it did not say under which id it waits.

    Args:
        event: its question.
    """
    request = event.header("Recorder-Request-ID") or ""
    if not _IDENTITY.fullmatch(request):
        return None
    return lines.sendevent("CUSTOM", {"Event-Subclass": _REPLY, "Recorder-Request-ID": request,
                                      "Recorder-Answer": answer, "Recorder-Message": message}, body)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked: the event, with the channel and the ticket or the script's id in it."""

    event: Event

    @property
    def channel(self) -> str:
        """The channel that waits; empty where it is none."""
        return self.event.uuid or ""

    def word(self, reply: Reply) -> str:
        """What to leave in `ANSWER`."""
        ticket = self.event.header("Recorder-Ticket") or ""
        return f"{reply.answer.value} {ticket if _TICKET.fullmatch(ticket) else ''}".strip()

    def line(self, reply: Reply) -> bytes | None:
        """The event for a script, if it is one."""
        return reply_line(self.event, reply.answer.value, reply.message)


def _request(event: Event) -> str:
    given = event.header("Recorder-Request-ID") or ""
    return (given if _IDENTITY.fullmatch(given) else event.header("Event-UUID")) or f"{event.boot}.{event.sequence}"


def _actor(event: Event) -> ActorKind:
    if event.uuid is None:
        return ActorKind.OPERATOR
    return ActorKind.PARTY if event.header("Recorder-Actor") == "party" else ActorKind.DIALPLAN


def _arguments(event: Event) -> dict[str, str]:
    given = (event.header(f"Recorder-Arg-{number}") or "" for number in range(1, _MOST_ARGUMENTS + 1))
    return {name: value for name, _, value in (argument.partition("=") for argument in given) if value}

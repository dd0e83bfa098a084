"""Start, stop, pause and resume, as custom events: from the dialplan, a feature code, or the command line.

====================================  ==================================================================
``recorder::pause``, ``::resume`` ..  the dialplan's ``event`` application, or ``sendevent``
``recorder::command``                 a script for ``fs_cli``; the verb is the header ``Recorder-Verb``
====================================  ==================================================================

``Recorder-Call`` names a call or leg (without it: the channel that fired the event), ``Recorder-Reason`` and
``Recorder-Owner`` are words for the row, ``Recorder-Actor: party`` says that a person on that channel asked. A script
may give reason and owner as arguments (``Recorder-Arg-1: reason=pci``).
"""

from __future__ import annotations

from esl_app.messages import Event
from recorder.events import ActorKind, Asked, Verb

_PREFIX = "recorder::"
_MOST_ARGUMENTS = 8

SUBCLASSES = (*(f"{_PREFIX}{verb.value}" for verb in Verb), f"{_PREFIX}command")


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
    return Asked(
        switch=switch, at=at, sequence=event.sequence or 0,
        request=event.header("Recorder-Request-ID") or event.header("Event-UUID") or f"{event.boot}.{event.sequence}",
        verb=Verb(verb), target=target, actor=actor, actor_leg=event.uuid,
        owner=event.header("Recorder-Owner") or arguments.get("owner") or actor.value,
        reason=event.header("Recorder-Reason") or arguments.get("reason") or "",
    )


def _actor(event: Event) -> ActorKind:
    if event.uuid is None:
        return ActorKind.OPERATOR
    return ActorKind.PARTY if event.header("Recorder-Actor") == "party" else ActorKind.DIALPLAN


def _arguments(event: Event) -> dict[str, str]:
    given = (event.header(f"Recorder-Arg-{number}") or "" for number in range(1, _MOST_ARGUMENTS + 1))
    return {name: value for name, _, value in (argument.partition("=") for argument in given) if value}

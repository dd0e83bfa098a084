"""What is asked for one recording server alone, by its name in the settings: that it gets the call as well, or no
longer; that it hears nothing for a while.

Who may ask is who may start, stop and pause at all (`recorder.requests`). A pause is answered when what sends to the
server has said that it is silent. It covers whatever of the call goes to that server, named or by policy's order. A
conference goes to no server.
"""

from __future__ import annotations

from dataclasses import replace

from recorder import requests
from recorder.effects import Answer
from recorder.events import Asked, Silenced, Verb
from recorder.model import Call, CallKind, ServerPause, Then
from recorder.orders import NamedServer, Order
from recorder.requests import reply
from recorder.states import PAUSE, CallState, PauseInput, PauseState, step
from recorder.world import World

TIMER = "silence"


def asked(world: World, event: Asked, now: float) -> None:
    """Somebody asks. What is refused is answered at once."""
    found = requests.meant(world, event.target)
    calls = [call for call in found if call.kind is CallKind.CALL]
    refusal = requests.unheeded(event, found) or _refusal(world, event, calls)
    if refusal:
        reply(world, event.request, Answer.REFUSED, refusal)
        return
    if event.verb is Verb.PAUSE:
        world.silencing[event.request] = event.server, {call.id for call in calls}
    for call in calls:
        world.put(_carry_out(world, call, event, now))
    if event.verb is not Verb.PAUSE:
        reply(world, event.request, Answer.DONE, _done(event, [world.calls[call.id] for call in calls]))


def silenced(world: World, event: Silenced) -> None:
    """What sends to a server has said that it is silent."""
    call = world.calls.get(event.call)
    if call is not None:
        world.put(replace(call, silences=tuple(
            replace(pause, state=step(PAUSE, pause.state, PauseInput.CONFIRM), confirmed=event.at)
            if pause.server == event.server and pause.state is PauseState.ASKED and pause.asked <= event.asked
            else pause for pause in call.silences)))


def settle(world: World, call: Call) -> None:
    """Answer who waits for a pause."""
    for request, (server, waits) in list(world.silencing.items()):
        if call.id not in waits:
            continue
        open_ones = [pause for pause in call.silences if pause.server == server and pause.resumed is None]
        if call.state is not CallState.CLOSED and not open_ones:
            del world.silencing[request]
            reply(world, request, Answer.REFUSED, "the pause was given back before it was confirmed")
        elif call.state is CallState.CLOSED or all(pause.state is not PauseState.ASKED for pause in open_ones):
            waits.discard(call.id)
            if not waits:
                del world.silencing[request]
                reply(world, request, Answer.CONFIRMED, "paused; nothing goes to that server")


def expired(call: Call, rest: str, at: float) -> Call:
    """The longest time of a pause is over.

    Args:
        rest: of the timer's name: the owner and the server.
    """
    owner, _, server = rest.partition(":")
    pause = _held(call, owner, server)
    if pause is None:
        return call
    call = _given_back(call, owner, server, at)
    if pause.then is Then.RESUME or server not in call.names:
        return call
    return requests.noted(_ended(call, server, at), Order(
        at=at, verb=Verb.STOP.value, actor=pause.actor, reason=requests.over(owner), server=server))


def _refusal(world: World, event: Asked, calls: list[Call]) -> str:
    if event.server not in world.limits.servers:
        return "the settings have no recording server of that name"
    if not calls:
        return "a conference goes to no recording server"
    if event.verb is Verb.START:
        return next((text for call in calls if (text := _may_not_start(call, event))), "")
    if event.verb is Verb.STOP:
        return next((text for call in calls if (text := _may_not_stop(call, event))), "")
    if event.verb is Verb.RESUME and all(_held(call, event.owner, event.server) is None for call in calls):
        return f"{event.owner} holds no pause for that server here"
    return ""


def _may_not_start(call: Call, event: Asked) -> str:
    if event.server in call.names:
        return "the call goes to that server already"
    return requests.start_forbidden(call, event)


def _may_not_stop(call: Call, event: Asked) -> str:
    if event.server not in call.names:
        return "nobody had the call sent to that server by its name"
    return requests.stop_forbidden(call, event)


def _carry_out(world: World, call: Call, event: Asked, now: float) -> Call:
    if event.verb is Verb.START:
        named = NamedServer(server=event.server, asked=event.at)
        return requests.started(replace(call, named=(*call.named, named)), event)
    if event.verb is Verb.STOP:
        return requests.ordered(_ended(call, event.server, event.at), event)
    timer = f"{TIMER}:{event.owner}:{event.server}"
    world.timers.stop(call.id, timer)
    if event.verb is Verb.RESUME:
        if not world.limits.resume_after:
            return _given_back(call, event.owner, event.server, event.at)
        # What was said in the pause may still be on its way: it lasts until that has come.
        world.timers.start(call.id, timer, now + world.limits.resume_after)
        return _with(call, event.owner, event.server, until=event.at + world.limits.resume_after, then=Then.RESUME)
    if event.longest is not None:
        world.timers.start(call.id, timer, now + event.longest)
    until = event.at + event.longest if event.longest is not None else None
    if _held(call, event.owner, event.server) is not None:
        return _with(call, event.owner, event.server, until=until, then=event.then)
    return replace(call, silences=(*call.silences, ServerPause(
        owner=event.owner, actor=event.actor.value, reason=event.reason, state=PauseState.ASKED, asked=event.at,
        until=until, then=event.then, server=event.server)))


def _held(call: Call, owner: str, server: str) -> ServerPause | None:
    return next((pause for pause in call.silences
                 if (pause.owner, pause.server) == (owner, server) and pause.resumed is None), None)


def _with(call: Call, owner: str, server: str, *, until: float | None, then: Then) -> Call:
    held = _held(call, owner, server)
    return replace(call, silences=tuple(
        replace(pause, until=until, then=then) if pause is held else pause for pause in call.silences))


def _given_back(call: Call, owner: str, server: str, at: float) -> Call:
    held = _held(call, owner, server)
    return replace(call, silences=tuple(
        requests.resumed(pause, at) if pause is held else pause for pause in call.silences))


def _ended(call: Call, server: str, at: float) -> Call:
    return replace(call, named=tuple(
        replace(one, ended=at) if one.server == server and one.ended is None else one for one in call.named))


def _done(event: Asked, calls: list[Call]) -> str:
    open_ones = [pause for call in calls for pause in (*call.pauses, *(
        one for one in call.silences if one.server == event.server
        and not (event.verb is Verb.RESUME and one.owner == event.owner))) if pause.resumed is None]
    holders = sorted({pause.owner for pause in open_ones})
    if event.verb is Verb.STOP:
        return "that server gets no more of the call"
    if holders:
        return f"still paused by {', '.join(holders)}"
    return "the call goes to that server" if event.verb is Verb.START else "the pause for that server is over"

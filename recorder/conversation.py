"""Which legs are one call: who joins whom, transfers, merges, conferences, and when a call is over."""

from __future__ import annotations

import itertools
from dataclasses import replace

from recorder import conference, consultation
from recorder.conference import OPEN, departed
from recorder.effects import Decide
from recorder.events import BridgeIs, LegGone, LegIs, LegReplaced, Transferred
from recorder.ids import call_id
from recorder.model import Bridge, BridgeKind, Call, CallKind, Leg, LegKind, LegState
from recorder.orders import NamedServer
from recorder.states import CALL, CallInput, CallState, PauseState, step
from recorder.world import World


def leg_is(world: World, event: LegIs, now: float) -> None:
    """A leg appeared or changed."""
    leg = event.leg
    if leg.kind is LegKind.OWN:
        return
    known = world.legs.get(leg.id)
    late = 0 < event.sequence <= world.seen.get(leg.id, 0)
    if known is not None:
        leg = _merged(known, leg, late=late)
    if leg.id in world.gone and leg.state is not LegState.GONE:
        leg = replace(leg, state=LegState.GONE, gone=world.gone[leg.id][1])
    if not late:
        world.seen[leg.id] = event.sequence
    world.legs[leg.id] = leg
    homes = world.conversations(leg.id)
    if not homes:
        # A leg that stayed after its call had ended opens another one only by its answer, or by talking to somebody.
        if known is not None and (leg.state is not LegState.UP or known.state is LegState.UP):
            return
        homes = [home(world, leg, event.at, again=known is not None)]
    for call in homes:
        put_leg(world, call, leg)
    consultation.gather(world, leg)
    if event.sequence and not late and world.timers.running("", conference.stray_timer(leg.id)):
        stray(world, leg.id, event.at)
    if known is None:
        # The word of the conference that it is in may have come before the word of the leg.
        for bridge in [bridge for bridge in world.bridges.values()
                       if bridge.kind is BridgeKind.CONFERENCE and leg.id in bridge.members]:
            conference.follow(world, bridge, event.at, now)


def stray(world: World, leg_id: str, at: float) -> None:
    """A leg that left a conference and stayed on the switch is a call of its own, if nothing else has become of it."""
    world.timers.stop("", conference.stray_timer(leg_id))
    if conference.is_stray(world, leg_id):
        leg = world.legs[leg_id]
        put_leg(world, home(world, leg, at, again=True), leg)


def leg_gone(world: World, event: LegGone, now: float) -> None:
    """A leg ended. It is remembered, so that a late event does not bring it back."""
    if event.leg in world.gone:
        return
    world.gone[event.leg] = (now, event.at)
    world.timers.stop("", conference.stray_timer(event.leg))
    known = world.legs.get(event.leg)
    if known is None:
        return
    leg = replace(known, state=LegState.GONE, gone=event.at, counters=event.counters or known.counters)
    world.legs[leg.id] = leg
    for call in world.conversations(leg.id):
        put_leg(world, call, leg)


def bridge_is(world: World, event: BridgeIs, now: float) -> None:
    """A bridge has these members now: a conference is followed, calls that now talk to each other become one."""
    bridge = event.bridge
    if 0 < event.sequence <= world.seen.get(bridge.id, 0):
        return
    world.seen[bridge.id] = event.sequence
    known = world.bridges.get(bridge.id)
    left = known.members - bridge.members if known is not None else frozenset()
    for one in left:
        if world.inside.get(one) == bridge.id:
            del world.inside[one]
    world.inside.update(dict.fromkeys(bridge.members, bridge.id))
    if bridge.members:
        world.bridges[bridge.id] = bridge
        world.gone.pop(bridge.id, None)
    else:
        world.bridges.pop(bridge.id, None)
        world.gone.setdefault(bridge.id, (now, event.at))
    if bridge.kind is BridgeKind.CONFERENCE:
        conference.follow(world, bridge, event.at, now)
    elif bridge.kind is BridgeKind.MIXING:
        consultation.follow(world, bridge, event.at)
        _talk(world, bridge, event.at, now)
    else:
        _parked(world, bridge)
    for member in bridge.members | left:
        for call in world.conversations(member):
            world.touch(call.id)


def leg_replaced(world: World, event: LegReplaced, now: float) -> None:
    """One leg takes another's place in every call that the other is in."""
    new = world.legs.get(event.new)
    if new is None:
        return
    own = world.conversation(new.id)
    for call in world.conversations(event.old):
        if own is not None and own.id != call.id and call.kind is CallKind.CALL:
            _absorb(world, call, own, frozenset({new.id}), event.at, now)
        elif call.leg(new.id) is None:
            away = call.away | ({new.id} if event.old in call.away else frozenset())
            put_leg(world, replace(call, away=away), new)


def transferred(world: World, event: Transferred) -> None:
    """A party hands the call on; whoever stays waits for the next party."""
    for leg in (*event.legs, event.by):
        call = world.conversation(leg)
        if call is not None and call.transferred_by is None:
            world.put(replace(call, transferred_by=event.by))


def _parked(world: World, bridge: Bridge) -> None:
    """Who is parked waits for whoever takes the call back. Not every way into a parking lot is told as a transfer."""
    for member in sorted(bridge.members):
        call = world.conversation(member)
        if call is not None and call.connected is not None and call.transferred_by is None:
            others = [leg.id for leg in call.up if leg.id != member]
            if len(others) < 2:
                world.put(replace(call, transferred_by=next(iter(others), bridge.id)))


def look(world: World, call: Call, at: float, now: float) -> Call:
    """Read from the legs whether the call is answered, connected, over; ask policy when its facts changed."""
    call = _ask_policy(world, call)
    if call.state is CallState.CLOSED:
        return call
    if call.state is CallState.ENDED and call.live and not call.recordings and not alone(call):
        call = replace(call, state=step(CALL, call.state, CallInput.RECONNECT), ended=None)
        world.timers.stop(call.id, "settle")
    call = replace(call, away=frozenset(leg.id for leg in call.legs if leg.id in call.away and leg.gone is None))
    # Who asks somebody is up already. A menu that is asked has no party, only the Local channel that goes there.
    asked = call.parties if call.consults is None else [leg for leg in call.legs if leg.id != call.first_leg]
    answers = [leg.answered for leg in asked if leg.answered is not None]
    if answers and call.state is CallState.SETUP:
        call = replace(call, answered=min(answers) if call.answered is None else call.answered,
                       state=step(CALL, call.state, CallInput.ANSWER))
    if call.connected is None and call.kind is CallKind.CALL:
        call = replace(call, connected=_first_overlap(call.parties))
    elif call.connected is None and len(call.up) >= 2:
        call = replace(call, connected=at)
    others = [leg for leg in call.up if leg.id != call.transferred_by]
    if call.transferred_by is not None and len(others) >= 2 and len(others) == len(call.up):
        call = replace(call, transferred_by=None)
    if call.state in OPEN and _deserted(call):
        ended = max((leg.gone for leg in call.parties if leg.gone is not None), default=at)
        call = replace(call, state=step(CALL, call.state, CallInput.END), ended=ended)
    if call.state in OPEN and alone(call):
        world.timers.start(call.id, "quiet", now + world.limits.quiet)
    else:
        world.timers.stop(call.id, "quiet")
    return _ask_policy(world, call) if call.state is CallState.ENDED else call


def quiet(call: Call, at: float) -> Call:
    """Nobody came back to the party that stayed alone: the call is over, and the leg is free for another one."""
    if call.state in OPEN and alone(call):
        return replace(call, state=step(CALL, call.state, CallInput.END), ended=at)
    return call


def alone(call: Call) -> bool:
    """Whether the others left: then a call between two has ended, and so has a conference of two (rule Q8)."""
    if call.kind is CallKind.CONFERENCE:
        return call.connected is not None and len(call.up) < 2
    return call.connected is not None and len(call.up) < 2 and call.transferred_by is None and not call.away


def choose(call: Call, leg: str, choice: bool | None) -> Call:
    """What a leg says of the wish to be recorded. The caller's newest word counts, and nobody else's."""
    return replace(call, requested=choice) if choice is not None and leg == call.first_leg else call


def _deserted(call: Call) -> bool:
    if call.parties:
        return not call.live
    return bool(call.legs) and all(leg.state is LegState.GONE for leg in call.legs)


def _first_overlap(legs: tuple[Leg, ...]) -> float | None:
    """When two parties were first up at the same time, from their own times: the order of events does not matter."""
    spans = [(leg.answered, leg.gone) for leg in legs if leg.answered is not None]
    starts = []
    for (start, end), (other_start, other_end) in itertools.combinations(spans, 2):
        begin = max(start, other_start)
        if (end is None or begin < end) and (other_end is None or begin < other_end):
            starts.append(begin)
    return min(starts, default=None)


def caller_of(call: Call) -> Leg | None:
    """Who calls: the party that opened the call, else the first one there."""
    caller = call.leg(call.first_leg)
    if caller is None or caller.kind is not LegKind.PARTY:
        caller = call.parties[0] if call.parties else None
    return caller


def callee_of(call: Call) -> Leg | None:
    """The other party that policy may ask about: the one that answered first, else the first that was dialled."""
    others = [leg for leg in call.parties if leg.id != call.first_leg]
    answered = sorted((leg.answered, leg.id) for leg in others if leg.answered is not None)
    if answered:
        return call.leg(answered[0][1])
    return others[0] if others else None


def _ask_policy(world: World, call: Call) -> Call:
    caller = caller_of(call)
    if caller is None and call.state is CallState.ENDED:
        # Nobody was there but halves of a Local channel, told late: that row has a decision too.
        caller = next(iter(call.legs), None)
    if caller is None or not call.untouched:
        return call
    callee = callee_of(call) if call.kind is CallKind.CALL else None
    obstacle = next((leg.obstacle for leg in call.parties if leg.obstacle), None)
    facts = (caller.id, callee.id if callee else None, *_names(caller), *_names(callee), obstacle, str(call.requested),
             call.conference, call.profile)
    if facts == call.decided_for:
        return call
    world.asking.add(call.id)
    world.effects.append(Decide(call=call.id, caller=caller, callee=callee, requested=call.requested))
    return replace(call, decided_for=facts)


def _names(leg: Leg | None) -> tuple[str | None, ...]:
    return (leg.party.user, leg.party.domain) if leg is not None else (None, None)


def _merged(old: Leg, new: Leg, *, late: bool) -> Leg:
    base = old if late else new
    answers = [when for when in (old.answered, new.answered) if when is not None]
    # FreeSWITCH overwrites who a leg was dialled as when that leg dials somebody: a party stays who it is.
    party = old.party if old.party.user is not None and old.party.user != base.party.user else base.party
    # What is dialled later on a leg are the caller's keys in a menu: a PIN, a card number.
    return replace(base, party=party, origin=base.origin or old.origin or new.origin,
                   dialled=old.dialled or new.dialled, answered=min(answers, default=None),
                   created=old.created if old.created is not None else new.created, trunk=old.trunk or new.trunk,
                   context=old.context or new.context, dialled_by=old.dialled_by or new.dialled_by,
                   counters=new.counters or old.counters,
                   gone=old.gone if base.state is LegState.GONE else None,
                   state=LegState.UP if base.state is LegState.SETUP and answers else base.state)


def put_leg(world: World, call: Call, leg: Leg) -> None:
    """The leg's new value in a call; a leg that left the call for another one stays gone from it."""
    mine = call.leg(leg.id)
    if mine is None:
        world.put(choose(replace(call, legs=(*call.legs, leg)), leg.id, leg.choice))
        return
    if mine.gone is not None and leg.gone is None:
        return
    leg = replace(leg, kind=mine.kind)
    if leg != mine:
        call = replace(call, legs=tuple(leg if one.id == leg.id else one for one in call.legs))
        world.put(choose(call, leg.id, leg.choice) if leg.choice != mine.choice else call)


def home(world: World, leg: Leg, at: float, *, again: bool) -> Call:
    """The call that a leg without one belongs to: its origin's, or one of its own.

    Args:
        again: the leg may have had a call before.
    """
    first = leg.origin or leg.id
    if first != leg.id and world.timers.running("", conference.stray_timer(first)):
        # A member that dials goes on elsewhere: that is its call.
        stray(world, first, at)
    elif conference.in_conference(world, leg.id) or (
            conference.in_conference(world, first) and world.conversation(first) is None):
        # In a conference the switch ties legs together that do not call each other. Whoever has left it may call.
        first = leg.id
    found = world.conversation(first)
    if found is not None:
        return found
    ended = [call for call in world.conversations(first) if call.kind is CallKind.CALL]
    if ended and (leg.gone is not None or first in world.gone or ended[-1].leg(first) is None):
        return ended[-1]
    again = again or first != leg.id
    identity = call_id(world.switch, world.boot, first, at if again or not world.looked else None)
    call = Call(id=identity, switch=world.switch, boot=world.boot, first_leg=first, state=CallState.SETUP,
                created=leg.created if leg.created is not None and not again else at)
    origin = world.legs.get(first)
    if origin is not None and origin.id != leg.id and origin.state is not LegState.GONE:
        call = choose(replace(call, legs=(origin,)), origin.id, origin.choice)
    world.put(call)
    return call


def _talk(world: World, bridge: Bridge, at: float, now: float) -> None:
    """Parties of several calls in one bridge are one conversation from now on: the oldest call takes the others in."""
    members = frozenset(one for one in bridge.members if one in world.legs and one not in world.gone)
    calls = {call.id: call for one in members if (call := world.conversation(one)) is not None}
    if not calls:
        people = sorted(one for one in members if world.legs[one].kind is LegKind.PARTY)
        if len(people) < 2:
            return
        call = home(world, replace(world.legs[people[0]], origin=None), at, again=True)
        for one in people:
            put_leg(world, world.calls[call.id], world.legs[one])
        return
    keeper, *others = sorted(calls.values(), key=lambda call: (call.created, call.id))
    for other in others:
        _absorb(world, world.calls[keeper.id], other, members, at, now)
    for one in sorted(members):
        if world.conversation(one) is None:
            put_leg(world, world.calls[keeper.id], world.legs[one])


def _absorb(world: World, keeper: Call, other: Call, members: frozenset[str], at: float, now: float) -> None:
    # A consultation ends with all who are in it where its two sides come together.
    merged = other.consults == keeper.id
    moved = tuple(leg for leg in other.legs if leg.state is not LegState.GONE
                  and (merged or leg.id in members or leg.id in other.away))
    left = tuple(departed(leg, at) if leg in moved else leg for leg in other.legs)
    world.put(replace(other, legs=left, merged_into=keeper.id, transferred_by=None, away=frozenset(),
                      reason=f"became part of call {keeper.id}"))
    away = keeper.away - {leg.id for leg in moved} if merged else keeper.away | other.away
    keeper = replace(keeper, away=away, legs=(*keeper.legs, *(leg for leg in moved if keeper.leg(leg.id) is None)))
    # The keeper inherits the other's open pauses: what one of them keeps out stays out. Its own taps have to go first.
    for pause in other.pauses:
        if pause.resumed is None and not keeper.held_by(pause.owner):
            keeper = replace(keeper, pauses=(*keeper.pauses, replace(
                pause, state=PauseState.ASKED, asked=at, confirmed=None)))
    world.put(_for_servers(keeper, other, at))
    consultation.inherit(world, keeper, other)
    world.time_pauses(keeper, at, now)


def _for_servers(keeper: Call, other: Call, at: float) -> Call:
    """The keeper, for the recording servers that were named for the other call, and kept from those that it was kept
    from."""
    held = {(pause.owner, pause.server) for pause in keeper.silences if pause.resumed is None}
    silences = tuple(replace(pause, state=PauseState.ASKED, asked=at, confirmed=None) for pause in other.silences
                     if pause.resumed is None and (pause.owner, pause.server) not in held)
    named = tuple(NamedServer(server=server, asked=at) for server in sorted(other.names - keeper.names))
    return replace(keeper, silences=(*keeper.silences, *silences), named=(*keeper.named, *named))

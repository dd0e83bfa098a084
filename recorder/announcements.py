"""What the parties of a recorded call hear of it: what is wanted, what the switch plays, and the effects between.

A sound is played once for each party and recording, and again to whom a transfer has cut it short. A beep runs while
the call is being recorded, and begins anew when a party joins, so that this party hears it at once. On which leg it is
played decides what the recording has of it: a tap does not hear what is played on the tapped leg, and hears what comes
from another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from policy.types import Announcement
from recorder import taps
from recorder.effects import Announce, Hush
from recorder.events import Announced, SwitchUp
from recorder.ids import announcement_id, segment_recording
from recorder.model import Call, CallKind, LegState
from recorder.playback import Heard, Playback
from recorder.states import (
    FINAL_PLAYBACK,
    PLAYBACK,
    PlaybackInput,
    PlaybackState,
    RecordingState,
    SegmentState,
    step,
)
from recorder.world import World

_LIVE = (PlaybackState.ASKED, PlaybackState.PLAYING)
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """An announcement that should be played: on which leg, heard by whom, told to which parties."""

    leg: str
    heard: Heard
    hearers: tuple[str, ...]


def wanted(call: Call) -> tuple[Wish, ...]:
    """What should be playing (a beep), or is still to be played (a sound), in the call as it is now."""
    decision, recording = call.decision, call.recording
    if (decision is None or decision.announcement is None or recording is None or call.paused
            or recording.state is not RecordingState.RECORDING or not taps.to_be_recorded(call)):
        return ()
    everybody = tuple(leg.id for leg in call.up)
    told = _told(call, recording.id) if decision.announcement.beep is None else frozenset()
    new = tuple(leg for leg in everybody if leg not in told)
    if not new:
        return ()
    if call.kind is CallKind.CONFERENCE:
        if not decision.announcement.recorded:
            return tuple(Wish(leg, Heard.LEG, (leg,)) for leg in new)
        return (Wish(_carrier(call, everybody, new), Heard.ALL, everybody),)
    tapped = next((segment.source.leg for segment in recording.segments if segment.state is SegmentState.UP), None)
    if tapped is None or tapped not in everybody:
        return ()
    others = tuple(leg for leg in everybody if leg != tapped)
    if not others:
        return (Wish(tapped, Heard.LEG, everybody),)
    if decision.announcement.recorded:
        return (Wish(_carrier(call, others, new), Heard.ALL, everybody),)
    if len(new) < len(everybody):
        return tuple(Wish(leg, Heard.LEG, (leg,)) for leg in new)
    return (Wish(tapped, Heard.ALL, everybody),)


def converge(world: World, call: Call, at: float) -> Call:
    """Ask for the announcements that are wanted and not there; end the beeps that are there and not wanted."""
    call = _without_legs(world, call, at)
    wishes = wanted(call)
    for playback in _live(call):
        if playback.sound is not None:
            continue
        if _beeps(call) and not any(_serves(playback, wish) for wish in wishes):
            call = _unwant(world, call, playback, at)
        elif not _beeps(call) and _in_the_way(call, playback.leg):
            call = _cut_short(world, call, playback, at)
    if not world.up or world.timers.running(call.id, "announce"):
        return call
    for wish in wishes:
        if not any(_serves(playback, wish) for playback in _live(call)) and _failures(call, wish.leg) < _TRIES:
            call = _announce(world, call, wish, at)
    return call


def farewell(world: World, call: Call, sound: str, at: float) -> Call:
    """Have each party hear, on the own leg, that the recording which is being made is over. It is not in it."""
    recording = call.recording
    if recording is None:
        return call
    first = sum(segment_recording(one.id) == recording.id for one in call.playbacks)
    said = tuple(Playback(id=announcement_id(recording.id, first + number), leg=leg.id, heard=Heard.LEG,
                          hearers=(leg.id,), state=PlaybackState.ASKED, asked=at, sound=sound)
                 for number, leg in enumerate(call.up))
    world.effects += [Announce(call=call.id, announcement=one.id, leg=one.leg, heard=one.heard,
                               what=Announcement(sound=sound)) for one in said]
    return replace(call, playbacks=(*call.playbacks, *said))


def announced(world: World, event: Announced, now: float) -> None:
    """The switch tells of an announcement. One that plays though its call is over is ended."""
    call = world.calls.get(world.recordings.get(segment_recording(event.announcement), ""))
    playback = _find(call, event.announcement) if call is not None else None
    if call is not None and playback is not None:
        world.put(_apply(world, call, playback, event.news, event.cause, event.at, now))
    elif event.news is PlaybackInput.PLAYS:
        world.effects.append(Hush(call="", announcement=event.announcement))


def looked(world: World, event: SwitchUp, now: float) -> None:
    """A snapshot against what we believed. What it does not show has ended; what nobody knows is ended."""
    there = set(event.snapshot.announcements)
    for call in list(world.calls.values()):
        for playback in call.playbacks:
            if playback.state in FINAL_PLAYBACK:
                continue
            if playback.id in there:
                there.discard(playback.id)
                if playback.state is PlaybackState.HUSHING:
                    world.effects.append(Hush(call=call.id, announcement=playback.id, leg=playback.leg))
                else:
                    call = _apply(world, call, playback, PlaybackInput.PLAYS, "", event.at, now)
            elif playback.state is PlaybackState.ASKED:
                # The request for it may still be on its way.
                call = _unwant(world, call, playback, event.at)
            else:
                call = _apply(world, call, playback, PlaybackInput.ENDS, "ended while the switch could not be seen",
                              event.at, now)
        world.put(call)
    for orphan in sorted(there):
        owner = world.recordings.get(segment_recording(orphan), "")
        world.effects.append(Hush(call=owner, announcement=orphan))


def _beeps(call: Call) -> bool:
    decision = call.decision
    return decision is not None and decision.announcement is not None and decision.announcement.beep is not None


def _is_beep(call: Call, playback: Playback) -> bool:
    return playback.sound is None and _beeps(call)


def _told(call: Call, recording: str) -> frozenset[str]:
    """The parties that have heard a recording's sound, or are hearing it."""
    return frozenset(leg for playback in call.playbacks if segment_recording(playback.id) == recording
                     and (playback.state in _LIVE
                          or (playback.state is PlaybackState.DONE and playback.started is not None))
                     for leg in playback.hearers)


def _carrier(call: Call, legs: tuple[str, ...], new: tuple[str, ...]) -> str:
    """Of these legs the one that plays already, else the one that came last; rather one that has not heard it."""
    playing = [playback.leg for playback in _live(call) if playback.leg in legs]
    return playing[-1] if playing else ([leg for leg in legs if leg in new] or list(legs))[-1]


def _serves(playback: Playback, wish: Wish) -> bool:
    return (playback.sound is None and playback.leg == wish.leg and playback.heard is wish.heard
            and set(wish.hearers) <= set(playback.hearers))


def _failures(call: Call, leg: str) -> int:
    """How often an announcement ended on that leg without anybody's wish."""
    return sum(playback.leg == leg and playback.cause != "" for playback in call.playbacks)


def _live(call: Call) -> list[Playback]:
    return [playback for playback in call.playbacks if playback.state in _LIVE]


def _find(call: Call, identity: str) -> Playback | None:
    return next((playback for playback in call.playbacks if playback.id == identity), None)


def _put(call: Call, playback: Playback) -> Call:
    return replace(call, playbacks=tuple(playback if one.id == playback.id else one for one in call.playbacks))


def _announce(world: World, call: Call, wish: Wish, at: float) -> Call:
    assert call.recording is not None
    assert call.decision is not None
    assert call.decision.announcement is not None
    number = sum(segment_recording(one.id) == call.recording.id for one in call.playbacks)
    playback = Playback(id=announcement_id(call.recording.id, number), leg=wish.leg, heard=wish.heard,
                        hearers=wish.hearers, state=PlaybackState.ASKED, asked=at)
    world.effects.append(Announce(call=call.id, announcement=playback.id, leg=wish.leg, heard=wish.heard,
                                  what=call.decision.announcement, hearers=wish.hearers))
    return replace(call, playbacks=(*call.playbacks, playback))


def _unwant(world: World, call: Call, playback: Playback, at: float) -> Call:
    world.effects.append(Hush(call=call.id, announcement=playback.id, leg=playback.leg))
    return _put(call, replace(playback, state=step(PLAYBACK, playback.state, PlaybackInput.UNWANTED), ended=at))


def _in_the_way(call: Call, leg: str) -> bool:
    """Whether what is played on that leg would make its next tap deaf (`talking`): the last one is on its way out."""
    on_leg = {segment.state for segment in taps.segments(call) if segment.source.leg == leg}
    return not call.paused and SegmentState.DETACHING in on_leg and SegmentState.UP not in on_leg and (
        call.kind is CallKind.CALL and taps.to_be_recorded(call))


def _cut_short(world: World, call: Call, playback: Playback, at: float) -> Call:
    """End a sound. Who has not heard all of it hears it again."""
    world.effects.append(Hush(call=call.id, announcement=playback.id, leg=playback.leg))
    return _put(call, replace(playback, state=step(PLAYBACK, playback.state, PlaybackInput.FAILS), ended=at,
                              cause="it would have kept the tap from hearing the next party"))


def _without_legs(world: World, call: Call, at: float) -> Call:
    """An announcement ends with its leg, whether the switch says so or not; a leg that is in another call goes on."""
    for playback in call.playbacks:
        leg = world.legs.get(playback.leg)
        if playback.state in FINAL_PLAYBACK or (leg is not None and leg.state is not LegState.GONE):
            continue
        cut = playback.state is not PlaybackState.HUSHING and not (
            _is_beep(call, playback) and playback.state is PlaybackState.PLAYING)
        news = PlaybackInput.FAILS if cut else PlaybackInput.ENDS
        ended = leg.gone if leg is not None and leg.gone is not None else at
        call = _put(call, replace(playback, state=step(PLAYBACK, playback.state, news),
                                  ended=playback.ended if playback.ended is not None else ended,
                                  cause="the party hung up" if cut else ""))
    return call


def _apply(world: World, call: Call, playback: Playback, news: PlaybackInput, cause: str, at: float,
           now: float) -> Call:
    before = playback.state
    if before not in _LIVE and news is PlaybackInput.PLAYS:
        # A word that comes late, or a request that was overtaken by its end: nobody wants it any more.
        world.effects.append(Hush(call=call.id, announcement=playback.id, leg=playback.leg))
        return call
    if _is_beep(call, playback) and before is PlaybackState.PLAYING and news is PlaybackInput.FAILS:
        # A beep has no end of its own: it was heard until it ended.
        news = PlaybackInput.ENDS
    playback = replace(playback, state=step(PLAYBACK, before, news))
    if playback.state is PlaybackState.PLAYING and playback.started is None:
        playback = replace(playback, started=at)
    if playback.state in FINAL_PLAYBACK and before not in FINAL_PLAYBACK:
        playback = replace(playback, ended=at if playback.ended is None else playback.ended)
        if before in _LIVE and (_is_beep(call, playback) or playback.state is PlaybackState.FAILED):
            playback = replace(playback, cause=cause or "ended by itself")
            wait = world.limits.retry_first * 2 ** _failures(call, playback.leg)
            world.timers.start(call.id, "announce", now + min(wait, world.limits.retry_longest))
    return _put(call, playback)

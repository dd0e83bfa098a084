"""Everything that an Asterisk has at one moment: legs, bridges, and our taps that really record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from ari_app.generated.models import Bridge as AriBridge
from ari_app.generated.models import Channel
from ari_app.generated.operations import Operations
from ari_app.names import (
    Part,
    Piece,
    announcement_channel,
    announcement_of,
    files,
    parse,
    part_of,
    recording_name,
    snoop_id,
)
from ari_app.translate import bridge_of, leg_of
from faults import SwitchOperationFailed
from recorder.model import Bridge, BridgeKind, Direction, LegKind, Sink, Source
from recorder.snapshot import Snapshot, TapFact

_PAIR = (Direction.IN, Direction.OUT)
_PLAYS = frozenset({"queued", "playing", "continuing", "paused"})
_RECORDS = frozenset({"queued", "recording", "paused"})


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot, and what of ours is to be deleted.

    Attributes:
        orphans: snoops that record or say nothing, or lost their other half.
        parts: what is left of taps whose audio went to a recording server.
    """

    snapshot: Snapshot
    orphans: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


async def take(operations: Operations, at: float) -> Found:
    """Read channels, bridges and our recordings.

    Args:
        at: now, seconds since the Unix epoch; channels that are up were answered by then.

    Raises:
        SwitchFault: Asterisk did not answer.
    """
    channels, bridges = await asyncio.gather(operations.channels_list(), operations.bridges_list())
    legs = tuple(leg for leg in (leg_of(channel, at) for channel in channels) if leg.kind is not LegKind.OWN)
    rooms = tuple(bridge_of(bridge, channels) for bridge in bridges if part_of(bridge.id) is None)
    taps, orphans = await _taps(operations, channels, _in_conferences(rooms))
    sending, parts = _server_taps(channels, bridges)
    playing, silent = await _announcements(operations, channels)
    return Found(Snapshot(legs=legs, bridges=rooms, taps=(*taps, *sending), announcements=playing),
                 orphans=(*orphans, *silent), parts=parts)


def _server_taps(channels: tuple[Channel, ...],
                 bridges: tuple[AriBridge, ...]) -> tuple[tuple[TapFact, ...], tuple[Part, ...]]:
    """Our taps whose audio goes to a recording server, all of it, and the parts of the others."""
    there = {channel.id: channel for channel in channels}
    inside = {one for bridge in bridges if part_of(bridge.id) is not None for one in bridge.channels if one in there}
    ids = (*there, *(bridge.id for bridge in bridges))
    found = [part for one in ids if (part := part_of(one)) is not None]
    facts = []
    for segment in sorted({part.segment for part in found}):
        mixed = any(part.direction is Direction.MIX for part in found if part.segment == segment)
        directions = (Direction.MIX,) if mixed else _PAIR
        snoops = [str(Part(segment, direction, Piece.SNOOP)) for direction in directions]
        senders = [str(Part(segment, direction, Piece.SENDER)) for direction in directions]
        if inside.issuperset(snoops + senders):
            source = Source(leg=_snooped(there[snoops[0]]), directions=directions, sink=Sink.SERVER)
            facts.append(TapFact(segment=segment, source=source,
                                 started=max(there[one].creationtime for one in snoops)))
    whole = {fact.segment for fact in facts}
    return tuple(facts), tuple(part for part in found if part.segment not in whole)


def _in_conferences(rooms: tuple[Bridge, ...]) -> frozenset[str]:
    return frozenset(one for room in rooms if room.kind is BridgeKind.CONFERENCE for one in room.members)


async def _taps(operations: Operations, channels: tuple[Channel, ...],
                conferring: frozenset[str]) -> tuple[tuple[TapFact, ...], tuple[str, ...]]:
    """Our taps that record all that they should, and the channels of the others.

    Args:
        conferring: the channels that are in a conference: one snoop is enough there, elsewhere it takes two.
    """
    halves: dict[str, dict[Direction, Channel]] = {}
    for channel in channels:
        parsed = parse(channel.id)
        if parsed is not None:
            halves.setdefault(parsed[0], {})[parsed[1]] = channel
    names = [(segment, direction) for segment, found in halves.items() for direction in found]
    live = await asyncio.gather(*(_records(operations, recording_name(*name)) for name in names))
    recording = {name for name, yes in zip(names, live, strict=True) if yes}
    wanted = {segment: _wanted(found, conferring) for segment, found in halves.items()}
    whole = {segment: directions for segment, directions in wanted.items()
             if {(segment, one) for one in directions} <= recording}
    facts = tuple(TapFact(segment=segment, started=max(halves[segment][one].creationtime for one in whole[segment]),
                          files=files(segment, whole[segment])) for segment in sorted(whole))
    return facts, tuple(snoop_id(*name) for name in names if name[0] not in whole)


def _wanted(found: Mapping[Direction, Channel], conferring: frozenset[str]) -> tuple[Direction, ...]:
    """The directions that a tap must have of which these channels are there."""
    if Direction.MIX in found:
        return (Direction.MIX,)
    heard = found.get(Direction.IN)
    alone = Direction.OUT not in found and heard is not None and _snooped(heard) in conferring
    return (Direction.IN,) if alone else _PAIR


def _snooped(channel: Channel) -> str:
    """The id of the channel that a snoop listens to: Asterisk names the snoop after it."""
    return channel.name.removeprefix("Snoop/").rpartition("-")[0]


async def _announcements(operations: Operations,
                         channels: tuple[Channel, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Our announcements that are being played, and the snoops of those that are over."""
    found = [one for channel in channels if (one := announcement_of(channel.id)) is not None]
    playing = await asyncio.gather(*(_plays(operations, announcement_channel(one)) for one in found))
    return (tuple(one for one, yes in zip(found, playing, strict=True) if yes),
            tuple(announcement_channel(one) for one, yes in zip(found, playing, strict=True) if not yes))


async def _plays(operations: Operations, playback: str) -> bool:
    try:
        return (await operations.playbacks_get(playback)).state in _PLAYS
    except SwitchOperationFailed:
        return False


async def _records(operations: Operations, name: str) -> bool:
    try:
        return (await operations.recordings_get_live(name)).state in _RECORDS
    except SwitchOperationFailed:
        return False

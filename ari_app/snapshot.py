"""Everything that an Asterisk has at one moment: legs, bridges, and our taps that really record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ari_app.generated.models import Channel
from ari_app.generated.operations import Operations
from ari_app.names import files, parse, recording_name, snoop_id
from ari_app.translate import bridge_of, leg_of
from faults import SwitchOperationFailed
from recorder.model import Direction, LegKind, Snapshot, TapFact

_PAIR = (Direction.IN, Direction.OUT)
_RECORDS = frozenset({"queued", "recording", "paused"})


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot, and the snoops of ours that record nothing or lost their other half: they are to be deleted."""

    snapshot: Snapshot
    orphans: tuple[str, ...]


async def take(operations: Operations, at: float) -> Found:
    """Read channels, bridges and our recordings.

    Args:
        at: now, seconds since the Unix epoch; channels that are up were answered by then.

    Raises:
        SwitchFault: Asterisk did not answer.
    """
    channels, bridges = await asyncio.gather(operations.channels_list(), operations.bridges_list())
    legs = tuple(leg for leg in (leg_of(channel, at) for channel in channels) if leg.kind is not LegKind.OWN)
    taps, orphans = await _taps(operations, channels)
    rooms = tuple(bridge for bridge in map(bridge_of, bridges) if bridge is not None)
    return Found(Snapshot(legs=legs, bridges=rooms, taps=taps), orphans)


async def _taps(operations: Operations, channels: tuple[Channel, ...]) -> tuple[tuple[TapFact, ...], tuple[str, ...]]:
    halves: dict[str, dict[Direction, float]] = {}
    for channel in channels:
        parsed = parse(channel.id)
        if parsed is not None:
            halves.setdefault(parsed[0], {})[parsed[1]] = channel.creationtime
    names = [(segment, direction) for segment, found in halves.items() for direction in found]
    live = await asyncio.gather(*(_records(operations, recording_name(*name)) for name in names))
    recording = {name for name, yes in zip(names, live, strict=True) if yes}
    whole = {segment for segment in halves if {(segment, direction) for direction in _PAIR} <= recording}
    facts = tuple(TapFact(segment=segment, started=max(halves[segment].values()), files=files(segment, _PAIR))
                  for segment in sorted(whole))
    return facts, tuple(snoop_id(*name) for name in names if name[0] not in whole)


async def _records(operations: Operations, name: str) -> bool:
    try:
        return (await operations.recordings_get_live(name)).state in _RECORDS
    except SwitchOperationFailed:
        return False

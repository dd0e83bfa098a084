"""Everything that a FreeSWITCH has at one moment: legs, bridges, conferences, our recordings and announcements."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from esl_app.announcements import Piece
from esl_app.legs import leg_of
from esl_app.messages import Event, plain_event
from esl_app.names import TAPPED, below, files, parse, piece_of, tapped_by
from esl_app.operations import Operations
from esl_app.translate import bridge_id
from faults import SwitchOperationFailed, SwitchProtocolBroken
from recorder.model import Bridge, BridgeKind, Direction, Leg, LegKind, LegState, Sink, Source
from recorder.snapshot import Snapshot, TapFact

_UUID = re.compile(r"[0-9A-Za-z_.:@-]{1,128}")
_RECORDED = re.compile(r"<function>session_record</function>\s*<target>([^<]*)</target>")
_LISTENER = re.compile("<function>eavesdrop</function>")
_DISPLACED = re.compile(r"<function>displace</function>\s*<target>([^<]*)</target>")
_BOTH = (Direction.IN, Direction.OUT)
_AT_ONCE = 50
"""Channels that are asked about at the same time."""


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot, and what stands behind it.

    Attributes:
        sources: what each recording of ours is attached to.
        sent: the same of each tap that goes to a recording server. strays: legs of ours that are no whole tap.
        pieces: of our announcements, by their numbers.
    """

    snapshot: Snapshot
    sources: Mapping[str, Source]
    sent: Mapping[str, Source]
    strays: tuple[str, ...]
    pieces: Mapping[str, Mapping[int, Piece]]


async def take(operations: Operations, spool: str, known: Collection[str]) -> Found:
    """Read channels, bridges, conferences, our recordings and announcements.

    FreeSWITCH's list of channels is up to 0.4 s old; what it says of one channel is not. So the channels that we have
    heard of are asked about as well. One that nobody has told of yet appears with its next event.

    Args:
        spool: the folder, as the switch sees it, below which our recordings are.
        known: the channels that are there as far as we know.

    Raises:
        SwitchFault: FreeSWITCH did not answer, or with something else.
    """
    listed = _json(await operations.api("show", "channels", "as", "json"))
    rows = _objects(listed.get("rows", []) if isinstance(listed, dict) else listed)
    turn = asyncio.Semaphore(_AT_ONCE)
    channels = sorted({*known, *(str(row.get("uuid", "")) for row in rows)})
    asked = [_channel(operations, channel, turn) for channel in channels if _UUID.fullmatch(channel)]
    found = [one for one in await asyncio.gather(*asked) if one is not None]
    conferences, mixes = _conferences(_json(await _conference_list(operations)), spool)
    conferences = await asyncio.gather(*(_with_profile(operations, conference) for conference in conferences))
    there = [(leg, dump) for dump, _ in found if (leg := leg_of(dump)) is not None and leg.state is not LegState.GONE]
    legs = tuple(leg for leg, _ in there if leg.kind is not LegKind.OWN)
    listeners = {dump.uuid: len(_LISTENER.findall(bugs)) for dump, bugs in found}
    sent, strays = _sent([(leg, dump) for leg, dump in there if leg.kind is LegKind.OWN], listeners)
    sources = {segment: Source(leg=dump.uuid or "", directions=directions)
               for dump, bugs in found for segment, directions in _taps(bugs, spool)} | mixes
    taps = (*(TapFact(segment=segment, source=source, files=files(segment, source.directions))
              for segment, source in sorted(sources.items())),
            *(TapFact(segment=segment, source=source) for segment, source in sorted(sent.items())))
    bridges = (*_bridges([dump for dump, _ in found], legs), *conferences)
    pieces = _pieces(found)
    announcements = tuple(sorted(identity for identity, numbers in pieces.items() if 0 in numbers))
    read = {dump.uuid: dump.sequence for dump, _ in found if dump.uuid and dump.sequence}
    return Found(Snapshot(legs=legs, bridges=bridges, taps=taps, announcements=announcements, read=read), sources, sent,
                 strays, pieces)


async def _conference_list(operations: Operations) -> str:
    """The conferences, in JSON; none where FreeSWITCH has not loaded the module for them."""
    try:
        return await operations.api("conference", "json_list")
    except SwitchOperationFailed as fault:
        if "Command not found" in str(fault.details.get("answer", "")):
            return "[]"
        raise


async def _channel(operations: Operations, uuid: str, turn: asyncio.Semaphore) -> tuple[Event, str] | None:
    """What a channel is and which media bugs it has; None for one that has just gone."""
    async with turn:
        try:
            dump = await operations.api("uuid_dump", uuid)
            return plain_event(dump.encode()), await operations.api("uuid_buglist", uuid)
        except SwitchOperationFailed:
            return None


async def _with_profile(operations: Operations, conference: Bridge) -> Bridge:
    """The list has all of a conference but its profile. Who has gone has none, nor has a name that cannot be sent."""
    try:
        return replace(conference, profile=(await operations.api("conference", conference.name, "get",
                                                                 "profile_name")).strip())
    except SwitchOperationFailed:
        return conference


def _bridges(dumps: Iterable[Event], legs: tuple[Leg, ...]) -> tuple[Bridge, ...]:
    """Who talks to whom: each of the two says so while it lasts."""
    there = {leg.id for leg in legs}
    bond = {dump.uuid: dump.header("variable_signal_bond") for dump in dumps}
    pairs = {frozenset((one, other)) for one, other in bond.items()
             if one in there and other in there and bond.get(other) == one}
    return tuple(Bridge(id=bridge_id(*sorted(pair)), kind=BridgeKind.MIXING, members=frozenset(pair))
                 for pair in sorted(pairs, key=sorted) if len(pair) == 2)


def _sent(legs: Iterable[tuple[Leg, Event]],
          listeners: Mapping[str | None, int]) -> tuple[dict[str, Source], tuple[str, ...]]:
    """The taps whose legs of ours are all answered and listen, by their segments; and the legs that are left.

    Args:
        listeners: how many eavesdroppers a leg has.
    """
    tapped: dict[str, dict[Direction, str]] = {}
    for leg, dump in legs:
        if leg.state is LegState.UP and (named := tapped_by(leg.id)) is not None:
            tapped.setdefault(named[0], {})[named[1]] = dump.header(f"variable_{TAPPED}") or ""
    sent = {segment: Source(leg=heard, directions=directions, sink=Sink.SERVER)
            for segment, ways in tapped.items() for directions in (_BOTH, (Direction.MIX,))
            if set(ways) == set(directions) and len(set(ways.values())) == 1
            and listeners.get(heard := next(iter(ways.values())), 0) >= len(directions)}
    return sent, tuple(leg.id for leg, _ in legs if (named := tapped_by(leg.id)) is None or named[0] not in sent)


def _taps(bugs: str, spool: str) -> list[tuple[str, tuple[Direction, ...]]]:
    names = [below(spool, target) for target in _RECORDED.findall(bugs)]
    return [ours for name in names if name is not None and (ours := parse(name)) is not None]


def _pieces(channels: Iterable[tuple[Event, str]]) -> dict[str, dict[int, Piece]]:
    pieces: dict[str, dict[int, Piece]] = {}
    for dump, bugs in channels:
        for target in _DISPLACED.findall(bugs):
            if (ours := piece_of(target)) is not None:
                identity, number, media = ours
                pieces.setdefault(identity, {})[number] = Piece(dump.uuid or "", media)
    return pieces


def _conferences(listed: Any, spool: str) -> tuple[list[Bridge], dict[str, Source]]:
    bridges, mixes = [], {}
    for room in _objects(listed):
        members = _objects(room.get("members", []))
        identity = str(room.get("conference_uuid", ""))
        bridges.append(Bridge(id=identity, kind=BridgeKind.CONFERENCE, name=str(room.get("conference_name", "")),
                              members=frozenset(str(member["uuid"]) for member in members if member.get("uuid"))))
        for member in members:
            name = below(spool, str(member.get("record_path", "")))
            ours = parse(name) if name is not None else None
            if ours is not None:
                mixes[ours[0]] = Source(leg="", directions=(Direction.MIX,), bridge=identity)
    return bridges, mixes


def _objects(listed: Any) -> list[Mapping[str, Any]]:
    """The objects of a list.

    Raises:
        SwitchProtocolBroken: it is no such list. What cannot be read does not count as an empty one.
    """
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise SwitchProtocolBroken("A list is not one of objects.")
    return listed


def _json(printed: str) -> Any:
    try:
        return json.loads(printed)
    except ValueError as error:
        raise SwitchProtocolBroken("A list in JSON cannot be read.", bytes=len(printed)) from error

"""What the manifest says, and whether a recording is complete. docs/manifest.md explains every key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from ledger.rows import caller_and_callee
from ledger.tables import Json
from policy.types import Announcement, Decision, Media
from processing import servers
from processing.made import AllFacts, finished
from processing.step import Facts
from processing.tracks import voice_of
from recorder.ids import segment_recording
from recorder.model import Call, CallKind, Leg, Recording, Session
from recorder.playback import Playback
from recorder.states import PlaybackState, SegmentState

_NOT_TOLD = frozenset({"segment", "fill", "absent", "cut"})  # of a recorded file: for the steps alone
SCHEMA = 1
"""The version of schemas/manifest-1.json: it grows when a key goes or gets another meaning, not when one is added."""


def iso(at: float | None) -> str | None:
    """A time as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shortcomings(recording: Recording, facts: AllFacts) -> list[str]:
    """Why a recording is incomplete, as sentences; none if it is good."""
    tracks = cast(list[dict[str, Any]], facts["verify"]["tracks"])
    files = cast(list[dict[str, Any]], facts["verify"]["files"])
    said = [finding["sentence"] for track in tracks for finding in track["findings"] if finding["incomplete"]]
    said += [f"{file['path']}: {file['defect']}" for file in files if file["samples"] is None]
    said += [f"Nobody saw the end of segment {segment.id}: {segment.cause}." for segment in recording.segments
             if segment.state is SegmentState.LOST or (segment.state is SegmentState.DOWN and segment.ended is None)]
    # A job that was begun before there was a step `erase` has no facts of it.
    said += cast(list[str], facts.get("erase", {}).get("reasons", []))
    return said + cast(list[str], facts["compose"]["reasons"])


def manifest(call: Call, recording: Recording, facts: AllFacts, names: Mapping[str, str]) -> Facts:
    """The manifest.

    Args:
        names: for each kind of audio file its name below the store.
    """
    composed = cast(dict[str, Any], facts["compose"])
    start, stop = iso(composed["startTime"]), iso(composed["stopTime"])
    files = [_file(kind, names[kind], facts) for kind in composed["files"]]
    audio = next((file for file in files if file["kind"] == "mixed"), files[0] if files else None)
    reasons = shortcomings(recording, facts)
    decision = call.decision
    return {
        "schema": SCHEMA,
        "uuid": recording.id,
        "call": call.id,
        "switch": call.switch,
        "kind": call.kind.value,
        "conference": call.conference or call.bridge or None,
        "state": "incomplete" if reasons else "ready",
        "reasons": [*reasons],
        "startTime": start,
        "stopTime": stop,
        "shouldRecordAudio": decision is not None and Media.AUDIO in decision.media,
        "shouldRecordVideo": decision is not None and Media.VIDEO in decision.media,
        "videos": [],
        "audio": None if audio is None else {"filename": audio["filename"], "startTime": start, "stopTime": stop,
                                             "size": audio["bytes"], "sha256": audio["sha256"]},
        "bytes": sum(one["bytes"] for one in finished(facts).values()),
        "files": [*files],
        "pauses": [{"startTime": iso(one["start"]), "stopTime": iso(one["stop"]), "reason": one["reason"],
                    "owner": one["owner"], "actor": one["actor"], "confirmedTime": iso(one["confirmed"])}
                   for one in composed["pauses"]],
        "serverPauses": [{"startTime": iso(one.asked), "stopTime": iso(one.resumed), "server": one.server,
                          "reason": one.reason, "owner": one.owner, "actor": one.actor,
                          "confirmedTime": iso(one.confirmed)} for one in call.silences],
        "orders": [{"time": iso(one.at), "verb": one.verb, "actor": one.actor, "reason": one.reason,
                    "server": one.server or None,
                    "party": _party(call, recording, leg) if (leg := call.leg(one.leg or "")) is not None else None}
                   for one in call.orders],
        "gaps": _gaps(composed["gaps"], cast(list[dict[str, Any]], facts["verify"]["files"])),
        "tracks": facts["verify"]["tracks"],
        "target": decision.target.value if decision is not None else None,
        "sessions": [{**session(one), "tracks": [*servers.of_session(recording, one)]} for one in recording.sessions],
        "segments": [_segment(recording, number, facts) for number in range(len(recording.segments))],
        "announcements": [_playback(call, recording, one) for one in call.playbacks
                          if segment_recording(one.id) == recording.id],
        "parties": [_party(call, recording, leg) for leg in call.parties],
        "decision": None if decision is None else _decision(decision),
    }


def session(shown: Session) -> Facts:
    """A session with a recording server, in short; of a server's own words what is harmless."""
    return {"id": shown.id, "server": shown.server, "startTime": iso(shown.up), "stopTime": iso(shown.ended),
            "state": shown.state.value, "cause": servers.plain(shown.cause), "named": shown.named}


def _file(kind: str, name: str, facts: AllFacts) -> Facts:
    """A finished file: ``bytes`` and ``sha256`` are of what is stored."""
    plain = cast(dict[str, Any], facts["compose"]["files"])[kind]
    stored = finished(facts)[kind]
    encrypted = {"key": facts["encrypt"]["key"], "plaintextBytes": plain["bytes"],
                 "plaintextSha256": plain["sha256"]} if "encrypt" in facts else None
    return {"kind": kind, "track": plain.get("track"), "filename": name, "bytes": stored["bytes"],
            "sha256": stored["sha256"], "samples": plain["samples"], "rate": plain["rate"],
            "channels": plain["channels"], "encrypted": encrypted}


def _gaps(uncovered: list[dict[str, Any]], files: list[dict[str, Any]]) -> list[Json]:
    """What no file covers, and the runs of fill in what the files have: there was no audio to record."""
    filled: list[dict[str, Any]] = []
    runs = [{"track": file["track"], "cause": "fill", **run} for file in files for run in file["fill"]]
    for run in sorted(runs, key=lambda one: (one["track"], one["start"])):
        last = filled[-1] if filled else None
        if last is not None and last["track"] == run["track"] and run["start"] <= last["stop"]:
            # Two files that overlap, where a tap was renewed, hold the same silence.
            last["stop"] = max(last["stop"], run["stop"])
        else:
            filled.append(run)
    found = sorted([*uncovered, *filled], key=lambda gap: (gap["start"], gap["track"]))
    return [{"startTime": iso(gap["start"]), "stopTime": iso(gap["stop"]), "track": gap["track"],
             "cause": gap["cause"]} for gap in found]


def _segment(recording: Recording, number: int, facts: AllFacts) -> Facts:
    segment = recording.segments[number]
    files = cast(list[dict[str, Any]], facts["verify"]["files"])
    return {"id": segment.id, "startTime": iso(segment.started), "stopTime": iso(segment.ended),
            "state": segment.state.value, "cause": segment.cause, "forced": segment.forced,
            "sink": segment.source.sink.value,
            "files": [{key: value for key, value in file.items() if key not in _NOT_TOLD} for file in files
                      if file["segment"] == segment.id]}


def _party(call: Call, recording: Recording, leg: Leg) -> Facts:
    return {"role": role_of(call, leg), "user": leg.party.user, "domain": leg.party.domain, "number": leg.party.number,
            "name": leg.party.name, "trunk": leg.trunk, "answered": iso(leg.answered),
            "track": voice_of(call, recording, leg),
            "visits": [{"startTime": iso(visit.joined), "stopTime": iso(visit.left)} for visit in call.visits
                       if visit.leg == leg.id]}


def _playback(call: Call, recording: Recording, shown: Playback) -> Facts:
    told = [leg for one in shown.hearers if (leg := call.leg(one)) is not None]
    state = PlaybackState.FAILED if shown.state is PlaybackState.FAILED else PlaybackState.DONE
    return {"startTime": iso(shown.started), "stopTime": iso(shown.ended), "state": state.value, "cause": shown.cause,
            "parties": [_party(call, recording, leg) for leg in told]}


def role_of(call: Call, leg: Leg) -> str:
    """What a leg is in its call: ``caller``, ``callee``, ``other``; ``member`` of a conference."""
    if call.kind is CallKind.CONFERENCE:
        return "member"
    caller, callee = caller_and_callee(call)
    if caller is not None and leg.id == caller.id:
        return "caller"
    return "callee" if callee is not None and leg.id == callee.id else "other"


def _decision(decision: Decision) -> Facts:
    media: list[Json] = [media.value for media in sorted(decision.media)]
    return {"recorded": decision.record, "media": media, "level": decision.level.value, "rule": decision.rule,
            "profile": decision.profile.value if decision.profile else None,
            "subject": decision.subject.value if decision.subject else None, "reason": decision.reason,
            "announcement": _announcement(decision.announcement) if decision.announcement else None}


def _announcement(announcement: Announcement) -> Facts:
    beep = announcement.beep
    return {"beep": {"hertz": beep.hertz, "seconds": beep.seconds, "every": beep.every} if beep else None,
            "sound": announcement.sound, "recorded": announcement.recorded}

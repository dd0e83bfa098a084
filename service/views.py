"""Calls and recordings as the API shows them: flat, JSON-ready, times in seconds since the epoch (UTC)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.jobs import Job
from ledger.recordings import Kept, files_of
from ledger.rows import call_direction, caller_and_callee
from ledger.tables import Json
from processing.stores import LOCAL
from recorder.ids import segment_recording
from recorder.model import Call, Direction, Leg, Pause, Recording, Segment, Session
from recorder.playback import Playback
from recorder.states import RecordingState
from service.place import place

View = dict[str, Any]
Results = Mapping[str, dict[str, Json] | None]


def call(shown: Call, results: Results, destination: Path) -> View:
    """A call with its recordings.

    Args:
        results: what the jobs made, by recording.
        destination: the folder that their paths count from.
    """
    caller, callee = caller_and_callee(shown)
    direction = call_direction(shown)
    decision = shown.decision
    return {
        "id": shown.id, "switch": shown.switch, "kind": shown.kind.value, "state": shown.state.value,
        "caller": party(caller), "callee": party(callee), "direction": direction.value if direction else None,
        "recorded": bool(decision and decision.record), "rule": decision.rule if decision else None,
        "level": decision.level.value if decision else None, "decision": decision.reason if decision else None,
        "target": decision.target.value if decision else None,
        "outcome": shown.outcome.value if shown.outcome else None, "reason": shown.reason,
        "sip_call_id": caller.sip_call_id if caller is not None else None,
        "created": shown.created, "answered": shown.answered, "connected": shown.connected, "ended": shown.ended,
        "paused": shown.paused, "merged_into": shown.merged_into,
        "pauses": [*(_pause(pause, None) for pause in shown.pauses),
                   *(_pause(pause, pause.server) for pause in shown.silences)],
        "servers": sorted(shown.names),
        "orders": [{"at": order.at, "verb": order.verb, "actor": order.actor, "reason": order.reason,
                    "server": order.server,
                    "party": party(shown.leg(order.leg)) if order.leg else ""} for order in shown.orders],
        "legs": [{"id": leg.id, "name": leg.name, "party": party(leg), "trunk": leg.trunk, "state": leg.state.value,
                  "answered": leg.answered, "gone": leg.gone} for leg in shown.parties],
        "recordings": [recording(shown, each, results.get(each.id), destination) for each in shown.recordings],
    }


def recording(of: Call, shown: Recording, result: dict[str, Json] | None, destination: Path) -> View:
    """A recording of a call, with what its job made of it. Where the store is a folder of this machine the files are
    absolute paths, else names below the store."""
    caller, callee = caller_and_callee(of)
    made: dict[str, Any] = dict(result or {})
    store = made.get("store", LOCAL)
    files = {} if shown.state is RecordingState.EXPIRED else files_of(result)
    named = {kind: str(destination / name) if store == LOCAL else name for kind, name in files.items()}
    return {
        "id": shown.id, "call": of.id, "switch": of.switch, "state": shown.state.value,
        "caller": party(caller), "callee": party(callee),
        "created": shown.created, "started": shown.started, "ended": shown.ended,
        "seconds": made.get("seconds"), "bytes": made.get("bytes"), "store": store, "key": made.get("key"),
        "files": named, **{kind: named.get(kind) for kind in ("mixed", "stereo", "manifest")},
        "reason": " ".join(filter(None, [shown.reason, *made.get("reasons", [])])),
        "target": of.decision.target.value if of.decision else None, "goes_to": place(of, shown),
        "sessions": [_session(each) for each in shown.sessions],
        "segments": [_segment(each) for each in shown.segments],
        "announcements": [_playback(of, each) for each in of.playbacks if segment_recording(each.id) == shown.id],
    }


def kept(shown: Kept, destination: Path) -> View:
    """A recording as the ledger has it."""
    return recording(shown.call, shown.recording, shown.result, destination)


def job(shown: Job) -> View:
    """Where a job stands; with ``run_at`` it is due, and until ``lease_until`` its worker has it."""
    return {"recording": shown.recording, "state": shown.state.value, "step": shown.step, "attempts": shown.attempts,
            "node": shown.node, "owner": shown.owner, "created": shown.created, "run_at": shown.run_at,
            "lease_until": shown.lease_until, "fault": shown.fault}


def _pause(shown: Pause, server: str | None) -> View:
    return {"owner": shown.owner, "actor": shown.actor, "reason": shown.reason, "state": shown.state.value,
            "asked": shown.asked, "confirmed": shown.confirmed, "resumed": shown.resumed, "server": server}


def _segment(shown: Segment) -> View:
    return {"id": shown.id, "state": shown.state.value, "side": shown.side, "leg": shown.source.leg,
            "started": shown.started, "ended": shown.ended, "cause": shown.cause, "forced": shown.forced,
            "sink": shown.source.sink.value, "mixed": Direction.MIX in shown.source.directions,
            "files": [file.path for file in shown.files]}


def _session(shown: Session) -> View:
    return {"id": shown.id, "server": shown.server, "state": shown.state.value, "asked": shown.asked, "up": shown.up,
            "ended": shown.ended, "cause": shown.cause, "named": shown.named}


def _playback(of: Call, shown: Playback) -> View:
    return {"id": shown.id, "state": shown.state.value, "leg": shown.leg,
            "parties": [party(of.leg(leg)) for leg in shown.hearers],
            "asked": shown.asked, "started": shown.started, "ended": shown.ended, "cause": shown.cause,
            "sound": shown.sound}


def party(leg: Leg | None) -> str:
    """Who is on a leg, for a person: ``user@domain``, else the number, else what was dialled."""
    if leg is None:
        return ""
    party = leg.party
    if party.user:
        return f"{party.user}@{party.domain}" if party.domain else party.user
    return party.number or leg.dialled or leg.endpoint

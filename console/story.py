"""A call's journal as sentences. Pure: JSON-ready values in, sentences out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Line = tuple[float | None, str]
Values = Mapping[str, Any]

_OUTCOMES = {
    "recorded": "The call was recorded.", "not_wanted": "The call was not to be recorded.",
    "unanswered": "Nobody answered, so there was nothing to record.",
    "missed": "The call should have been recorded, and was not.",
}
_DONE = {"start": "started", "stop": "stopped"}


def story(call: Values, entries: list[dict[str, Any]]) -> list[Line]:
    """Tell what happened in a call.

    Args:
        call: the call as the API shows it.
        entries: its journal; without one the story is told from the call alone.

    Returns:
        Sentences in order, each with its time (seconds since the epoch, UTC) or None.
    """
    lines: list[Line] = [(None, f"Call {call['id']} on {call['switch']}, from {call['caller'] or 'unknown'} "
                                f"to {call['callee'] or 'unknown'}.")]
    told = _Teller(call["id"])
    for entry in sorted((entry for entry in entries if "event" in entry), key=lambda entry: int(entry["n"])):
        lines += told.entry(entry)
    if not entries:
        lines += _without_journal(call)
    elif any("cut" in entry for entry in entries):
        lines.append((None, "The journal had reached its bound here; what follows is from the ledger."))
    return lines + list(_end(call))


class _Teller:
    """Knows who is who, and what was said already."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._who: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self._held: dict[str, bool] = {}
        self._queued: dict[str, bool] = {}
        self._decision: Values | None = None
        self._to_servers: set[str] = set()

    def entry(self, entry: Values) -> Iterator[Line]:
        event = entry["event"]
        at = float(event["at"])
        for said in self._event(event):
            yield at, said
        for effect in entry["effects"]:
            if effect.get("call", self._call) == self._call and (said := self._effect(effect)):
                yield at, said

    def _event(self, event: Values) -> Iterator[str]:
        match event["type"]:
            case "LegIs":
                yield from self._leg(event["leg"])
            case "LegGone":
                cause = f" ({event['cause']})" if event.get("cause") else ""
                yield f"{self._name(event['leg'])} hung up{cause}."
            case "BridgeIs":
                members = [self._name(leg) for leg in event["bridge"].get("members", []) if leg in self._who]
                if len(members) > 1:
                    yield f"{' and '.join(members)} are connected with each other."
            case "Transferred":
                legs = " and ".join(self._name(leg) for leg in event["legs"])
                yield f"{self._name(event['by'])} transferred {legs}."
            case "LegReplaced":
                yield f"{self._name(event['new'])} took the place of {self._name(event['old'])}."
            case "Held":
                yield f"{self._name(event['leg'])} waits in the dialplan for the decision."
            case "SwitchUp":
                yield "The switch was connected, and its calls were read."
                for leg in event["snapshot"].get("legs", []):
                    yield from self._leg(leg)
            case "SwitchFound":
                yield "The switch was reached, and told what had happened meanwhile."
            case "SwitchDown":
                cause = f": {event['cause']}" if event.get("cause") else ""
                yield f"The connection to the switch was lost{cause}. What was attached went on."
            case _:
                yield from self._control(event)

    def _control(self, event: Values) -> Iterator[str]:
        match event["type"]:
            case "Decided":
                if event["call"] == self._call and event["decision"] != self._decision:
                    self._decision = event["decision"]
                    yield f"Policy decided by {event['decision']['rule']}: {event['decision']['reason']}"
            case "TapUp":
                done = "sent" if event["segment"] in self._to_servers else "written"
                yield f"The switch confirmed: segment {_number(event['segment'])} is being {done}."
            case "TapDown":
                yield f"The switch confirmed: segment {_number(event['segment'])} is closed ({event['cause']})."
            case "TapFailed":
                yield f"Segment {_number(event['segment'])} could not be recorded: {event['cause']}."
            case "SessionIs":
                session = event["session"]
                yield _of_session(session["server"], session["state"], session.get("cause", ""))
            case "Announced":
                number, cause = _number(event["announcement"]), event.get("cause", "")
                yield {"plays": f"The switch confirmed: announcement {number} is being played.",
                       "ends": f"Announcement {number} is over."}.get(event["news"],
                                                                      f"Announcement {number} failed: {cause}.")
            case "Adopted":
                if event["call"] == self._call and event.get("files"):
                    yield "What the switch had recorded of the conference by itself was taken over."
            case "Silenced":
                yield f"Nothing goes to recording server {event['server']} any more."
            case "Asked":
                yield (f"{event.get('owner', 'operator')} asked to {event['verb']}{_for_server(event.get('server'))}"
                       f"{_because({'reason': '', **event})}.")

    def _leg(self, leg: Values) -> Iterator[str]:
        identity, state = str(leg["id"]), leg.get("state", "setup")
        before = self._state.get(identity)
        if before is None:
            self._who[identity] = _party(leg)
            dialled = f", dialling {leg['dialled']}" if leg.get("dialled") and not leg.get("origin") else ""
            yield f"{self._name(identity)} appeared{dialled}."
        if state == "up" and before != "up":
            yield f"{self._name(identity)} answered." if leg.get("origin") else f"{self._name(identity)} is up."
        held = bool(leg.get("held", False))
        if held != self._held.get(identity, False):
            yield f"{self._name(identity)} {'was put on hold' if held else 'came back from hold'}."
        queued = bool(leg.get("queued", False))
        if queued != self._queued.get(identity, False):
            yield f"{self._name(identity)} {'waits in a queue' if queued else 'waits no longer in a queue'}."
        self._state[identity] = state
        self._held[identity] = held
        self._queued[identity] = queued

    def _effect(self, effect: Values) -> str:
        match effect["type"]:
            case "Attach":
                source = effect["source"]
                what = self._name(source["leg"]) if source["leg"] else "the conference's mix"
                if source["leg"] and "mix" in source["directions"]:
                    what = f"both sides of {what}, mixed,"
                return f"A tap on {what}{self._sink(effect)} was asked for: segment {_number(effect['segment'])}."
            case "Detach":
                how = "by force, because no confirmation came in time" if effect.get("destroy") else "at once"
                return f"The end of segment {_number(effect['segment'])} was asked for, {how}."
            case "Announce":
                whom = "everybody" if effect["heard"] == "all" else "this party"
                return (f"Announcement {_number(effect['announcement'])} was asked for on {self._name(effect['leg'])}, "
                        f"for {whom} to hear.")
            case "Hush":
                return f"The end of announcement {_number(effect['announcement'])} was asked for."
            case "Release":
                decision = effect["variables"]["RECORDER_DECISION"]
                return f"{self._name(effect['leg'])} goes on in the dialplan, told: {decision}."
            case "Reply":
                return f"The answer was: {effect['answer']}, {effect['message']}."
            case "Finish":
                return "The recording was complete, and its job began."
        return ""

    def _sink(self, effect: Values) -> str:
        """Where a tap's audio goes, if that has to be said."""
        target = (self._decision or {}).get("target", "wav")
        if effect["source"].get("sink") == "server":
            self._to_servers.add(effect["segment"])
            return " for a recording server"
        return " for files, as no recording server takes the call," if target == "siprec" else ""

    def _name(self, leg: str) -> str:
        return self._who.get(leg, leg)


def _without_journal(call: Values) -> Iterator[Line]:
    yield None, "There is no journal of this call any more; this is from the ledger."
    yield call["created"], "The call began."
    if call["decision"]:
        yield None, f"Policy decided by {call['rule']}: {call['decision']}"
    if call["answered"] is not None:
        yield call["answered"], "It was answered."
    told = [(order["at"], f"{order['party'] or order['actor']} had it {_DONE[order['verb']]}"
             f"{_for_server(order.get('server'))}{_because(order)}.")
            for order in call["orders"]]
    for pause in call["pauses"]:
        proof = "was confirmed" if pause["confirmed"] is not None else "was not confirmed"
        told.append((pause["asked"], f"{pause['owner']} ({pause['actor']}) paused it{_for_server(pause.get('server'))}"
                                     f"{_because(pause)}; that {proof}."))
        if pause["resumed"] is not None:
            told.append((pause["resumed"], f"{pause['owner']} gave the pause back{_for_server(pause.get('server'))}."))
    for session in [session for recording in call["recordings"] for session in recording["sessions"]]:
        told += [(session[at], _of_session(session["server"], state, session["cause"] if state == "over" else ""))
                 for at, state in (("asked", "trying"), ("up", "up"), ("ended", "over")) if session[at] is not None]
    yield from sorted(told)
    if call["ended"] is not None:
        yield call["ended"], "It ended."


def _for_server(server: str | None) -> str:
    return f" for recording server {server}" if server else ""


def _of_session(server: str, state: str, cause: str) -> str:
    because = f": {cause.rstrip('.')}" if cause else ""
    return {"trying": f"Recording server {server} was asked to take it.", "up": f"Recording server {server} takes it.",
            "over": f"The session with recording server {server} is over{because}."}[state]


def _because(asked: Values) -> str:
    return f", because: {asked['reason']}" if asked["reason"] else ""


def _end(call: Values) -> Iterator[Line]:
    if call["state"] == "closed":
        reason = f" {call['reason']}" if call["reason"] and call["outcome"] != "recorded" else ""
        yield None, _OUTCOMES.get(call["outcome"], "The call is over.") + reason
    else:
        yield None, f"The call goes on: it is {call['state']}."
    for recording in call["recordings"]:
        why = f" ({recording['reason']})" if recording["reason"] else ""
        length = f", {recording['seconds']:.1f} s" if recording["seconds"] is not None else ""
        yield None, f"Recording {recording['id']} is {recording['state']}{why}{length}."
        for one in recording["announcements"]:
            whom = " and ".join(party or "unknown" for party in one["parties"])
            yield one["started"], (f"The announcement was played to {whom}." if one["started"] is not None
                                   else f"No announcement was played to {whom}: {one['cause'] or one['state']}.")
        servers = list(dict.fromkeys(one["server"] for one in recording["sessions"] if one["up"] is not None))
        if servers:
            yield None, f"Recording server {' and '.join(servers)} took it."
        if recording["mixed"]:
            yield None, f"Its file is {recording['mixed']}."


def _party(leg: Values) -> str:
    party = leg.get("party", {})
    user = party.get("user")
    if user:
        return f"{user}@{party['domain']}" if party.get("domain") else str(user)
    return str(party.get("number") or leg.get("name") or leg["id"])


def _number(segment: str) -> str:
    """Segments and announcements (``a0``) count from 0 in the ids, and from 1 for people."""
    _, _, number = segment.rpartition(".")
    number = number.removeprefix("a")
    return str(int(number) + 1) if number.isdigit() else segment

"""What FreeSWITCH's headers say of a channel, as a Leg. Events and ``uuid_dump`` have the same headers."""

from __future__ import annotations

from esl_app.messages import Event
from esl_app.names import tapped_by
from recorder.model import Leg, LegKind, LegState, Party, RtpCounters
from recorder.spoken import choice_of

_BYPASS, _PROXY = "bypass_media", "proxy_media"
_NO_NAME = "Outbound Call"


def leg_of(event: Event) -> Leg | None:
    """The leg that an event is about, or None if it is about none.

    The times are the switch's own. Who is on the leg is what the switch looked up in its directory
    (``user_name``; ``dialed_user`` of a leg that it dialled itself); ``Caller-Username`` is only what the caller
    says. A leg that the switch dialled inherits its origin's context, so its own is empty. ``recorder_record`` is what
    the dialplan says of the caller's wish; ``recorder_pause`` has the owners of a pause that the dialplan marked.
    """
    if not event.uuid:
        return None
    name = event.header("Channel-Name") or ""
    outbound = event.header("Call-Direction") == "outbound"
    answered = _time(event, "Caller-Channel-Answered-Time")
    gone = _time(event, "Caller-Channel-Hangup-Time")
    return Leg(
        id=event.uuid,
        name=name,
        kind=_kind(event, name),
        state=LegState.GONE if gone is not None else LegState.SETUP if answered is None else LegState.UP,
        party=_dialled_party(event) if outbound else _calling_party(event),
        dialled=event.header("Caller-Destination-Number") or "",
        context="" if outbound else event.header("Caller-Context") or "",
        gateway=event.header("variable_sip_gateway_name") or event.header("variable_sip_gateway") or "",
        profile=event.header("variable_sofia_profile_name") or "",
        origin=_origin(event),
        sip_call_id=event.header("variable_sip_call_id"),
        created=_time(event, "Caller-Channel-Created-Time"),
        answered=answered,
        gone=gone,
        held=event.name != "CHANNEL_UNHOLD" and event.header("Channel-Call-State") == "HELD",
        queued=(event.header("variable_current_application") == "fifo"
                and event.header("variable_fifo_status") == "WAITING"),
        obstacle=_obstacle(event),
        choice=choice_of(event.header("variable_recorder_record") or ""),
        pausing=event.header("variable_recorder_pause") or "",
    )


def is_own(event: Event) -> bool:
    """Whether an event is about a leg of ours. A caller may choose the id of its channel, but not who has made it."""
    return event.header("Call-Direction") == "outbound" and tapped_by(event.uuid or "") is not None


def _kind(event: Event, name: str) -> LegKind:
    if is_own(event):
        return LegKind.OWN
    return LegKind.LOCAL if name.startswith("loopback/") else LegKind.PARTY


def _obstacle(event: Event) -> str | None:
    """Why FreeSWITCH does not read the media of a leg now, or in a moment (``bypass_media_after_bridge``).

    What the dialplan has set stays when the media come back. Then, and whenever they go again, only the tie that the
    two legs have while their media go past FreeSWITCH says so. The leg that called tells of both: of the other one
    nothing is told when that changes.
    """
    def is_set(name: str) -> bool:
        return event.header(f"variable_{name}") == "true"

    if is_set(_PROXY):
        return _PROXY
    if event.header("Other-Type") == "originator":
        return None
    come_back = ":uuid_br:" in (event.header("variable_transfer_source") or "")
    bridged = bool(event.header("variable_signal_bond"))
    past = bool(event.header("variable_signal_bridge_to")) or (not bridged and is_set(_BYPASS)) or (
        not come_back and is_set(f"{_BYPASS}_after_bridge"))
    return _BYPASS if past else None


def hangup_time(event: Event) -> float | None:
    """When the channel hung up, in seconds since the Unix epoch; None if the event does not say."""
    return _time(event, "Caller-Channel-Hangup-Time")


def counters_of(event: Event) -> RtpCounters | None:
    """RTP packets of a leg as its end tells them; None without RTP. FreeSWITCH counts no lost packets."""
    received, sent = (_number(event, f"variable_rtp_audio_{way}_packet_count") for way in ("in", "out"))
    return RtpCounters(received=received, lost=0, sent=sent) if received is not None and sent is not None else None


def _calling_party(event: Event) -> Party:
    return Party(number=event.header("Caller-Caller-ID-Number") or "", name=event.header("Caller-Caller-ID-Name") or "",
                 user=event.header("variable_user_name") or None, domain=event.header("variable_domain_name") or None)


def _dialled_party(event: Event) -> Party:
    name = event.header("Caller-Callee-ID-Name") or ""
    return Party(number=event.header("Caller-Callee-ID-Number") or event.header("Caller-Destination-Number") or "",
                 name="" if name == _NO_NAME else name, user=event.header("variable_dialed_user") or None,
                 domain=event.header("variable_dialed_domain") or None)


def _origin(event: Event) -> str | None:
    if event.header("Other-Type") == "originator":
        return event.header("Other-Leg-Unique-ID") or None
    return event.header("variable_originator") or None


def _time(event: Event, name: str) -> float | None:
    """A header in µs since the Unix epoch, as seconds; 0 is "not yet"."""
    microseconds = _number(event, name)
    return microseconds / 1e6 if microseconds else None


def _number(event: Event, name: str) -> int | None:
    digits = event.header(name) or ""
    return int(digits) if 0 < len(digits) < 20 and digits.isascii() and digits.isdigit() else None

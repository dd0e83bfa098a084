"""ARI's objects and events in the recorder's words. Pure.

Whose permission counts is taken from what Asterisk authenticated: the channel variables ``RECORDER_USER`` and
``RECORDER_DOMAIN`` that the endpoint sets, else the endpoint's name. What the caller wrote into From is only shown.
``RECORDER_RECORD`` is what the dialplan says of the caller's wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ari_app.commands import helper_channel
from ari_app.generated import events as ari
from ari_app.generated.models import Bridge as AriBridge
from ari_app.generated.models import Channel, DialplanCEP
from ari_app.names import ours, part_of
from recorder.events import BridgeIs, CallEvent, LegGone, LegIs, LegReplaced, Transferred
from recorder.model import Bridge, BridgeKind, Leg, LegKind, LegState, Party, RtpCounters
from recorder.spoken import choice_of

# Channel technologies that are nobody's device: ours, or Asterisk's own helpers.
_OWN = frozenset({"Snoop", "UnicastRTP", "MulticastRTP", "AudioSocket", "WebSocket", "Announcer", "Recorder", "Bridge",
                  "CBAnn", "CBRec", "CLIEval", "ConfBridgeRecorder", "Message", "Surrogate", "Void"})
_CONFBRIDGE = "ConfBridge"
_DEFAULT_PROFILE = "default_bridge"


def leg_of(channel: Channel, at: float) -> Leg:
    """The leg that a channel is.

    Args:
        at: when Asterisk said so, seconds since the Unix epoch; a channel that is up was answered by then.
    """
    variables = channel.channelvars or {}
    rest = channel.name.partition("/")[2]
    endpoint = rest.rpartition("-")[0] or rest
    user, _, domain = endpoint.partition("@")
    up = channel.state == "Up"
    linked = variables.get("CHANNEL(linkedid)") or ""
    return Leg(
        id=channel.id,
        name=channel.name,
        kind=_kind(channel),
        state=LegState.UP if up else LegState.SETUP,
        party=Party(number=channel.caller.number, name=channel.caller.name,
                    user=variables.get("RECORDER_USER") or user or None,
                    domain=variables.get("RECORDER_DOMAIN") or domain or None),
        dialled=channel.dialplan.exten,
        twin=_twin(channel.name),
        endpoint=endpoint,
        context=channel.dialplan.context,
        origin=linked if linked and linked != channel.id else None,
        sip_call_id=channel.protocol_id or None,
        created=channel.creationtime,
        answered=at if up else None,
        choice=choice_of(variables.get("RECORDER_RECORD", "")),
        pausing=variables.get("RECORDER_PAUSE") or "",
    )


def bridge_of(bridge: AriBridge, channels: Iterable[Channel] = ()) -> Bridge:
    """The bridge with its members.

    Args:
        channels: those that are known; a conference's profile is read from what its members' dialplan asked for. Who
            opens a conference chooses it, and Asterisk passes over what the others ask for.
    """
    if bridge.creator == _CONFBRIDGE:
        members = sorted((one for one in channels if one.id in bridge.channels and not own(one)),
                         key=lambda one: (one.creationtime, one.id))
        profiles = [profile for one in members if (profile := _profile(one.dialplan)) is not None]
        return Bridge(id=bridge.id, kind=BridgeKind.CONFERENCE, name=bridge.name, members=frozenset(bridge.channels),
                      profile=profiles[0] if profiles else "")
    kind = BridgeKind.HOLDING if bridge.bridge_type == "holding" else BridgeKind.MIXING
    return Bridge(id=bridge.id, kind=kind, name=bridge.name, members=frozenset(bridge.channels))


def _profile(dialplan: DialplanCEP) -> str | None:
    """The bridge profile of ``ConfBridge(name,profile,..)``; None for another application."""
    if dialplan.app_name != _CONFBRIDGE:
        return None
    return dialplan.app_data.partition(",")[2].partition(",")[0].strip() or _DEFAULT_PROFILE


def translate(event: ari.Event, switch: str, sequence: int) -> list[CallEvent]:
    """What an ARI event says about legs and bridges; nothing for what only taps or the connection care about."""
    at = event.timestamp
    match event:
        case (ari.ChannelStateChange() | ari.ChannelDestroyed() | ari.ChannelHold()
              | ari.ChannelUnhold()) if own(event.channel):
            return []
        case (ari.ChannelEnteredBridge() | ari.ChannelLeftBridge() | ari.BridgeCreated()
              | ari.BridgeDestroyed()) if part_of(event.bridge.id) is not None:
            return []
        case (ari.ChannelEnteredBridge() | ari.ChannelLeftBridge() | ari.BridgeCreated()
              | ari.BridgeDestroyed()) if part_of(event.bridge.id) is not None:
            return []
        case ari.ChannelUserevent():
            # Whoever asks for something is known from then on, and the mark of a pause is seen.
            asking = (event.channel,) if event.channel is not None and not own(event.channel) else ()
            return [LegIs(switch=switch, at=at, sequence=sequence, leg=leg_of(channel, at)) for channel in asking]
        case ari.ChannelStateChange() | ari.ChannelHold() | ari.ChannelUnhold():
            return [LegIs(switch=switch, at=at, sequence=sequence, leg=leg_of(event.channel, at))]
        case ari.Dial() if event.dialstatus == "":
            # The first that tells what the endpoints' variables say: ChannelCreated does not know them yet.
            legs = [leg for leg in (event.caller, event.peer) if leg is not None and not own(leg)]
            by = event.caller.id if event.caller is not None else ""
            return [LegIs(switch=switch, at=at, sequence=sequence, leg=replace(
                leg_of(leg, at), dialled_by=by if leg is event.peer else "")) for leg in legs]
        case ari.ChannelDestroyed():
            # A call that was neither dialled nor answered is known only now; nothing is asked of it any more.
            return [LegGone(switch=switch, at=at, sequence=sequence, leg=event.channel.id, cause=event.cause_txt,
                            counters=counters_of(event.channel.channelvars or {})),
                    LegIs(switch=switch, at=at, sequence=sequence, leg=leg_of(event.channel, at))]
        case ari.ChannelEnteredBridge() | ari.ChannelLeftBridge():
            bridge = bridge_of(event.bridge, [event.channel] if event.channel is not None else [])
            told: list[CallEvent] = [BridgeIs(switch=switch, at=at, sequence=sequence, bridge=bridge)]
            local = event.channel is not None and _kind(event.channel) is LegKind.LOCAL
            if isinstance(event, ari.ChannelEnteredBridge) and (bridge.kind is BridgeKind.CONFERENCE or local):
                # A channel that is taken in unanswered, by a conference or a consultation, has told nothing of itself.
                told = [LegIs(switch=switch, at=at, sequence=sequence, leg=leg_of(one, at))
                        for one in [event.channel] if one is not None and not own(one)] + told
            return told
        case ari.BridgeCreated():
            return [BridgeIs(switch=switch, at=at, sequence=sequence, bridge=bridge_of(event.bridge))]
        case ari.BridgeDestroyed():
            bridge = bridge_of(event.bridge)
            empty = Bridge(id=bridge.id, kind=bridge.kind, name=bridge.name)
            return [BridgeIs(switch=switch, at=at, sequence=sequence, bridge=empty)]
        case ari.BridgeBlindTransfer():
            stays = [event.transferee.id] if event.transferee is not None else []
            found: list[CallEvent] = [Transferred(switch=switch, at=at, sequence=sequence, by=event.channel.id,
                                                  legs=tuple(stays))]
            if event.replace_channel is not None and stays:
                found.append(LegReplaced(switch=switch, at=at, sequence=sequence, old=stays[0],
                                         new=event.replace_channel.id))
            return found
        case ari.BridgeAttendedTransfer():
            stays = [leg.id for leg in (event.transferee, event.transfer_target) if leg is not None]
            return [Transferred(switch=switch, at=at, sequence=sequence, by=leg.id, legs=tuple(stays))
                    for leg in (event.transferer_first_leg, event.transferer_second_leg)]
    return []


def counters_of(variables: Mapping[str, str]) -> RtpCounters | None:
    """RTP packets from Asterisk's ``RTPAUDIOQOS`` (``ssrc=..;lp=..;rxcount=..;txcount=..``), or None."""
    fields = dict(part.split("=", 1) for part in variables.get("RTPAUDIOQOS", "").split(";") if "=" in part)
    try:
        return RtpCounters(received=int(fields["rxcount"]), lost=int(fields["lp"]), sent=int(fields["txcount"]))
    except (KeyError, ValueError):
        return None


def own(channel: Channel) -> bool:
    """Whether a channel is nobody's device: ours, or a helper of Asterisk's own."""
    return channel.name.partition("/")[0] in _OWN or ours(channel.id) or helper_channel(channel.name)


def _twin(name: str) -> str:
    """The name of the other half of a Local channel; empty for any other channel."""
    if not name.startswith("Local/") or name[-2:] not in (";1", ";2"):
        return ""
    return name[:-1] + ("2" if name.endswith("1") else "1")


def _kind(channel: Channel) -> LegKind:
    if own(channel):
        return LegKind.OWN
    return LegKind.LOCAL if channel.name.startswith("Local/") else LegKind.PARTY

"""ARI's events. Times are seconds since the Unix epoch. Written by ``ari_app.generate``; do not edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from ari_app import fields
from ari_app.fields import optional, required
from ari_app.generated import models


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """ARI's Event."""

    application: str
    timestamp: float

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationReplaced(Event):
    """ARI's ApplicationReplaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeAttendedTransfer(Event):
    """ARI's BridgeAttendedTransfer."""

    transferer_first_leg: models.Channel
    transferer_second_leg: models.Channel
    replace_channel: models.Channel | None = None
    transferee: models.Channel | None = None
    transfer_target: models.Channel | None = None
    result: str
    is_external: bool
    transferer_first_leg_bridge: models.Bridge | None = None
    transferer_second_leg_bridge: models.Bridge | None = None
    destination_type: str
    destination_bridge: str | None = None
    destination_application: str | None = None
    destination_link_first_leg: models.Channel | None = None
    destination_link_second_leg: models.Channel | None = None
    destination_threeway_channel: models.Channel | None = None
    destination_threeway_bridge: models.Bridge | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant), transferer_first_leg=required(data,
                "transferer_first_leg", fields.one(models.Channel.from_json)),
                transferer_second_leg=required(data, "transferer_second_leg",
                fields.one(models.Channel.from_json)),
                replace_channel=optional(data, "replace_channel", fields.one(models.Channel.from_json)),
                transferee=optional(data, "transferee", fields.one(models.Channel.from_json)),
                transfer_target=optional(data, "transfer_target", fields.one(models.Channel.from_json)),
                result=required(data, "result", fields.text),
                is_external=required(data, "is_external", fields.flag),
                transferer_first_leg_bridge=optional(data, "transferer_first_leg_bridge",
                fields.one(models.Bridge.from_json)), transferer_second_leg_bridge=optional(data,
                "transferer_second_leg_bridge", fields.one(models.Bridge.from_json)),
                destination_type=required(data, "destination_type", fields.text),
                destination_bridge=optional(data, "destination_bridge", fields.text),
                destination_application=optional(data, "destination_application", fields.text),
                destination_link_first_leg=optional(data, "destination_link_first_leg",
                fields.one(models.Channel.from_json)), destination_link_second_leg=optional(data,
                "destination_link_second_leg", fields.one(models.Channel.from_json)),
                destination_threeway_channel=optional(data, "destination_threeway_channel",
                fields.one(models.Channel.from_json)), destination_threeway_bridge=optional(data,
                "destination_threeway_bridge", fields.one(models.Bridge.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeBlindTransfer(Event):
    """ARI's BridgeBlindTransfer."""

    channel: models.Channel
    replace_channel: models.Channel | None = None
    transferee: models.Channel | None = None
    exten: str
    context: str
    result: str
    is_external: bool
    bridge: models.Bridge | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)),
                replace_channel=optional(data, "replace_channel", fields.one(models.Channel.from_json)),
                transferee=optional(data, "transferee", fields.one(models.Channel.from_json)),
                exten=required(data, "exten", fields.text), context=required(data, "context", fields.text),
                result=required(data, "result", fields.text),
                is_external=required(data, "is_external", fields.flag),
                bridge=optional(data, "bridge", fields.one(models.Bridge.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeCreated(Event):
    """ARI's BridgeCreated."""

    bridge: models.Bridge

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                bridge=required(data, "bridge", fields.one(models.Bridge.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeDestroyed(Event):
    """ARI's BridgeDestroyed."""

    bridge: models.Bridge

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                bridge=required(data, "bridge", fields.one(models.Bridge.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeMerged(Event):
    """ARI's BridgeMerged."""

    bridge: models.Bridge
    bridge_from: models.Bridge

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                bridge=required(data, "bridge", fields.one(models.Bridge.from_json)),
                bridge_from=required(data, "bridge_from", fields.one(models.Bridge.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelConnectedLine(Event):
    """ARI's ChannelConnectedLine."""

    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCreated(Event):
    """ARI's ChannelCreated."""

    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDestroyed(Event):
    """ARI's ChannelDestroyed."""

    cause: int
    cause_txt: str
    tech_cause: int | None = None
    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                cause=required(data, "cause", fields.integer),
                cause_txt=required(data, "cause_txt", fields.text),
                tech_cause=optional(data, "tech_cause", fields.integer),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEnteredBridge(Event):
    """ARI's ChannelEnteredBridge."""

    bridge: models.Bridge
    channel: models.Channel | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                bridge=required(data, "bridge", fields.one(models.Bridge.from_json)),
                channel=optional(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHangupRequest(Event):
    """ARI's ChannelHangupRequest."""

    cause: int | None = None
    tech_cause: int | None = None
    soft: bool | None = None
    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                cause=optional(data, "cause", fields.integer),
                tech_cause=optional(data, "tech_cause", fields.integer),
                soft=optional(data, "soft", fields.flag),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHold(Event):
    """ARI's ChannelHold."""

    channel: models.Channel
    musicclass: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)),
                musicclass=optional(data, "musicclass", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLeftBridge(Event):
    """ARI's ChannelLeftBridge."""

    bridge: models.Bridge
    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                bridge=required(data, "bridge", fields.one(models.Bridge.from_json)),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStateChange(Event):
    """ARI's ChannelStateChange."""

    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUnhold(Event):
    """ARI's ChannelUnhold."""

    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUserevent(Event):
    """ARI's ChannelUserevent."""

    eventname: str
    channel: models.Channel | None = None
    bridge: models.Bridge | None = None
    endpoint: models.Endpoint | None = None
    userevent: Mapping[str, object] = field(repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                eventname=required(data, "eventname", fields.text),
                channel=optional(data, "channel", fields.one(models.Channel.from_json)),
                bridge=optional(data, "bridge", fields.one(models.Bridge.from_json)),
                endpoint=optional(data, "endpoint", fields.one(models.Endpoint.from_json)),
                userevent=required(data, "userevent", fields.mapping))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelVarset(Event):
    """ARI's ChannelVarset."""

    variable: str
    value: str = field(repr=False)
    channel: models.Channel | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                variable=required(data, "variable", fields.text), value=required(data, "value", fields.text),
                channel=optional(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Event):
    """ARI's Dial."""

    caller: models.Channel | None = None
    peer: models.Channel
    forward: str | None = None
    forwarded: models.Channel | None = None
    dialstring: str | None = field(default=None, repr=False)
    dialstatus: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                caller=optional(data, "caller", fields.one(models.Channel.from_json)),
                peer=required(data, "peer", fields.one(models.Channel.from_json)),
                forward=optional(data, "forward", fields.text),
                forwarded=optional(data, "forwarded", fields.one(models.Channel.from_json)),
                dialstring=optional(data, "dialstring", fields.text),
                dialstatus=required(data, "dialstatus", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackFinished(Event):
    """ARI's PlaybackFinished."""

    playback: models.Playback

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                playback=required(data, "playback", fields.one(models.Playback.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStarted(Event):
    """ARI's PlaybackStarted."""

    playback: models.Playback

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                playback=required(data, "playback", fields.one(models.Playback.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFailed(Event):
    """ARI's RecordingFailed."""

    recording: models.LiveRecording

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                recording=required(data, "recording", fields.one(models.LiveRecording.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFinished(Event):
    """ARI's RecordingFinished."""

    recording: models.LiveRecording

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                recording=required(data, "recording", fields.one(models.LiveRecording.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(Event):
    """ARI's RecordingStarted."""

    recording: models.LiveRecording

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                recording=required(data, "recording", fields.one(models.LiveRecording.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StasisEnd(Event):
    """ARI's StasisEnd."""

    channel: models.Channel

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                channel=required(data, "channel", fields.one(models.Channel.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StasisStart(Event):
    """ARI's StasisStart."""

    args: tuple[str, ...] = field(repr=False)
    channel: models.Channel
    replace_channel: models.Channel | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(application=required(data, "application", fields.text),
                timestamp=required(data, "timestamp", fields.instant),
                args=required(data, "args", fields.many(fields.text)),
                channel=required(data, "channel", fields.one(models.Channel.from_json)),
                replace_channel=optional(data, "replace_channel", fields.one(models.Channel.from_json)))


EVENTS: Final[Mapping[str, Callable[[Mapping[str, object]], Event]]] = {
    "ApplicationReplaced": ApplicationReplaced.from_json,
    "BridgeAttendedTransfer": BridgeAttendedTransfer.from_json,
    "BridgeBlindTransfer": BridgeBlindTransfer.from_json,
    "BridgeCreated": BridgeCreated.from_json,
    "BridgeDestroyed": BridgeDestroyed.from_json,
    "BridgeMerged": BridgeMerged.from_json,
    "ChannelConnectedLine": ChannelConnectedLine.from_json,
    "ChannelCreated": ChannelCreated.from_json,
    "ChannelDestroyed": ChannelDestroyed.from_json,
    "ChannelEnteredBridge": ChannelEnteredBridge.from_json,
    "ChannelHangupRequest": ChannelHangupRequest.from_json,
    "ChannelHold": ChannelHold.from_json,
    "ChannelLeftBridge": ChannelLeftBridge.from_json,
    "ChannelStateChange": ChannelStateChange.from_json,
    "ChannelUnhold": ChannelUnhold.from_json,
    "ChannelUserevent": ChannelUserevent.from_json,
    "ChannelVarset": ChannelVarset.from_json,
    "Dial": Dial.from_json,
    "PlaybackFinished": PlaybackFinished.from_json,
    "PlaybackStarted": PlaybackStarted.from_json,
    "RecordingFailed": RecordingFailed.from_json,
    "RecordingFinished": RecordingFinished.from_json,
    "RecordingStarted": RecordingStarted.from_json,
    "StasisEnd": StasisEnd.from_json,
    "StasisStart": StasisStart.from_json,
}

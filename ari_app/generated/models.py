"""ARI's objects. Times are seconds since the Unix epoch. Written by ``ari_app.generate``; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from ari_app import fields
from ari_app.fields import optional, required


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """ARI's Application."""

    name: str
    channel_ids: tuple[str, ...]
    bridge_ids: tuple[str, ...]
    endpoint_ids: tuple[str, ...]
    device_names: tuple[str, ...] | None = None
    events_allowed: tuple[Mapping[str, object], ...]
    events_disallowed: tuple[Mapping[str, object], ...]

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(name=required(data, "name", fields.text),
                channel_ids=required(data, "channel_ids", fields.many(fields.text)),
                bridge_ids=required(data, "bridge_ids", fields.many(fields.text)),
                endpoint_ids=required(data, "endpoint_ids", fields.many(fields.text)),
                device_names=optional(data, "device_names", fields.many(fields.text)),
                events_allowed=required(data, "events_allowed", fields.many(fields.mapping)),
                events_disallowed=required(data, "events_disallowed", fields.many(fields.mapping)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildInfo:
    """ARI's BuildInfo."""

    os: str
    kernel: str
    options: str
    machine: str
    date: str
    user: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(os=required(data, "os", fields.text), kernel=required(data, "kernel", fields.text),
                options=required(data, "options", fields.text),
                machine=required(data, "machine", fields.text), date=required(data, "date", fields.text),
                user=required(data, "user", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInfo:
    """ARI's SystemInfo."""

    version: str
    entity_id: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(version=required(data, "version", fields.text),
                entity_id=required(data, "entity_id", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetId:
    """ARI's SetId."""

    user: str
    group: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(user=required(data, "user", fields.text), group=required(data, "group", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInfo:
    """ARI's ConfigInfo."""

    name: str
    default_language: str
    max_channels: int | None = None
    max_open_files: int | None = None
    max_load: float | None = None
    setid: SetId

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(name=required(data, "name", fields.text),
                default_language=required(data, "default_language", fields.text),
                max_channels=optional(data, "max_channels", fields.integer),
                max_open_files=optional(data, "max_open_files", fields.integer),
                max_load=optional(data, "max_load", fields.number),
                setid=required(data, "setid", fields.one(SetId.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInfo:
    """ARI's StatusInfo."""

    startup_time: float
    last_reload_time: float

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(startup_time=required(data, "startup_time", fields.instant),
                last_reload_time=required(data, "last_reload_time", fields.instant))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskInfo:
    """ARI's AsteriskInfo."""

    build: BuildInfo | None = None
    system: SystemInfo | None = None
    config: ConfigInfo | None = None
    status: StatusInfo | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(build=optional(data, "build", fields.one(BuildInfo.from_json)),
                system=optional(data, "system", fields.one(SystemInfo.from_json)),
                config=optional(data, "config", fields.one(ConfigInfo.from_json)),
                status=optional(data, "status", fields.one(StatusInfo.from_json)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskPing:
    """ARI's AsteriskPing."""

    asterisk_id: str
    ping: str
    timestamp: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(asterisk_id=required(data, "asterisk_id", fields.text),
                ping=required(data, "ping", fields.text), timestamp=required(data, "timestamp", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """ARI's Bridge."""

    id: str
    technology: str
    bridge_type: str
    bridge_class: str
    creator: str
    name: str
    channels: tuple[str, ...]
    video_mode: str | None = None
    video_source_id: str | None = None
    creationtime: float
    bridgevars: Mapping[str, object] | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(id=required(data, "id", fields.text), technology=required(data, "technology", fields.text),
                bridge_type=required(data, "bridge_type", fields.text),
                bridge_class=required(data, "bridge_class", fields.text),
                creator=required(data, "creator", fields.text), name=required(data, "name", fields.text),
                channels=required(data, "channels", fields.many(fields.text)),
                video_mode=optional(data, "video_mode", fields.text),
                video_source_id=optional(data, "video_source_id", fields.text),
                creationtime=required(data, "creationtime", fields.instant),
                bridgevars=optional(data, "bridgevars", fields.mapping))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerID:
    """ARI's CallerID."""

    name: str
    number: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(name=required(data, "name", fields.text), number=required(data, "number", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class DialplanCEP:
    """ARI's DialplanCEP."""

    context: str
    exten: str
    priority: int
    app_name: str
    app_data: str = field(repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(context=required(data, "context", fields.text), exten=required(data, "exten", fields.text),
                priority=required(data, "priority", fields.integer),
                app_name=required(data, "app_name", fields.text),
                app_data=required(data, "app_data", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """ARI's Channel."""

    id: str
    protocol_id: str
    name: str
    state: str
    caller: CallerID
    connected: CallerID
    accountcode: str
    dialplan: DialplanCEP
    creationtime: float
    language: str
    channelvars: Mapping[str, str] | None = field(default=None, repr=False)
    caller_rdnis: str | None = None
    tenantid: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(id=required(data, "id", fields.text),
                protocol_id=required(data, "protocol_id", fields.text),
                name=required(data, "name", fields.text), state=required(data, "state", fields.text),
                caller=required(data, "caller", fields.one(CallerID.from_json)),
                connected=required(data, "connected", fields.one(CallerID.from_json)),
                accountcode=required(data, "accountcode", fields.text),
                dialplan=required(data, "dialplan", fields.one(DialplanCEP.from_json)),
                creationtime=required(data, "creationtime", fields.instant),
                language=required(data, "language", fields.text),
                channelvars=optional(data, "channelvars", fields.strings),
                caller_rdnis=optional(data, "caller_rdnis", fields.text),
                tenantid=optional(data, "tenantid", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """ARI's Endpoint."""

    technology: str
    resource: str
    state: str | None = None
    channel_ids: tuple[str, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(technology=required(data, "technology", fields.text),
                resource=required(data, "resource", fields.text), state=optional(data, "state", fields.text),
                channel_ids=required(data, "channel_ids", fields.many(fields.text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecording:
    """ARI's LiveRecording."""

    name: str
    format: str
    target_uri: str
    state: str
    duration: int | None = None
    talking_duration: int | None = None
    silence_duration: int | None = None
    cause: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(name=required(data, "name", fields.text), format=required(data, "format", fields.text),
                target_uri=required(data, "target_uri", fields.text),
                state=required(data, "state", fields.text),
                duration=optional(data, "duration", fields.integer),
                talking_duration=optional(data, "talking_duration", fields.integer),
                silence_duration=optional(data, "silence_duration", fields.integer),
                cause=optional(data, "cause", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """ARI's Module."""

    name: str
    description: str
    use_count: int
    status: str
    support_level: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(name=required(data, "name", fields.text),
                description=required(data, "description", fields.text),
                use_count=required(data, "use_count", fields.integer),
                status=required(data, "status", fields.text),
                support_level=required(data, "support_level", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """ARI's Playback."""

    id: str
    media_uri: str
    next_media_uri: str | None = None
    target_uri: str
    language: str | None = None
    state: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(id=required(data, "id", fields.text), media_uri=required(data, "media_uri", fields.text),
                next_media_uri=optional(data, "next_media_uri", fields.text),
                target_uri=required(data, "target_uri", fields.text),
                language=optional(data, "language", fields.text), state=required(data, "state", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class RTPstat:
    """ARI's RTPstat."""

    txcount: int
    rxcount: int
    txjitter: float | None = None
    rxjitter: float | None = None
    remote_maxjitter: float | None = None
    remote_minjitter: float | None = None
    remote_normdevjitter: float | None = None
    remote_stdevjitter: float | None = None
    local_maxjitter: float | None = None
    local_minjitter: float | None = None
    local_normdevjitter: float | None = None
    local_stdevjitter: float | None = None
    txploss: int
    rxploss: int
    remote_maxrxploss: float | None = None
    remote_minrxploss: float | None = None
    remote_normdevrxploss: float | None = None
    remote_stdevrxploss: float | None = None
    local_maxrxploss: float | None = None
    local_minrxploss: float | None = None
    local_normdevrxploss: float | None = None
    local_stdevrxploss: float | None = None
    rtt: float | None = None
    maxrtt: float | None = None
    minrtt: float | None = None
    normdevrtt: float | None = None
    stdevrtt: float | None = None
    local_ssrc: int
    remote_ssrc: int
    txoctetcount: int
    rxoctetcount: int
    channel_uniqueid: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(txcount=required(data, "txcount", fields.integer),
                rxcount=required(data, "rxcount", fields.integer),
                txjitter=optional(data, "txjitter", fields.number),
                rxjitter=optional(data, "rxjitter", fields.number),
                remote_maxjitter=optional(data, "remote_maxjitter", fields.number),
                remote_minjitter=optional(data, "remote_minjitter", fields.number),
                remote_normdevjitter=optional(data, "remote_normdevjitter", fields.number),
                remote_stdevjitter=optional(data, "remote_stdevjitter", fields.number),
                local_maxjitter=optional(data, "local_maxjitter", fields.number),
                local_minjitter=optional(data, "local_minjitter", fields.number),
                local_normdevjitter=optional(data, "local_normdevjitter", fields.number),
                local_stdevjitter=optional(data, "local_stdevjitter", fields.number),
                txploss=required(data, "txploss", fields.integer),
                rxploss=required(data, "rxploss", fields.integer),
                remote_maxrxploss=optional(data, "remote_maxrxploss", fields.number),
                remote_minrxploss=optional(data, "remote_minrxploss", fields.number),
                remote_normdevrxploss=optional(data, "remote_normdevrxploss", fields.number),
                remote_stdevrxploss=optional(data, "remote_stdevrxploss", fields.number),
                local_maxrxploss=optional(data, "local_maxrxploss", fields.number),
                local_minrxploss=optional(data, "local_minrxploss", fields.number),
                local_normdevrxploss=optional(data, "local_normdevrxploss", fields.number),
                local_stdevrxploss=optional(data, "local_stdevrxploss", fields.number),
                rtt=optional(data, "rtt", fields.number), maxrtt=optional(data, "maxrtt", fields.number),
                minrtt=optional(data, "minrtt", fields.number),
                normdevrtt=optional(data, "normdevrtt", fields.number),
                stdevrtt=optional(data, "stdevrtt", fields.number),
                local_ssrc=required(data, "local_ssrc", fields.integer),
                remote_ssrc=required(data, "remote_ssrc", fields.integer),
                txoctetcount=required(data, "txoctetcount", fields.integer),
                rxoctetcount=required(data, "rxoctetcount", fields.integer),
                channel_uniqueid=required(data, "channel_uniqueid", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecording:
    """ARI's StoredRecording."""

    name: str
    format: str

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(name=required(data, "name", fields.text), format=required(data, "format", fields.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """ARI's Variable."""

    value: str = field(repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(value=required(data, "value", fields.text))

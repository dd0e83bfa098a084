"""ARI's operations. Written by ``ari_app.generate``; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

from ari_app import fields
from ari_app.generated import models

T = TypeVar("T")


class Caller(Protocol):
    """What performs an operation. It raises ``faults.SwitchFault``."""

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None,
                   model: Callable[[object], T]) -> T:
        """Send it; `path` is encoded and starts below ``/ari``, `model` reads the answer."""

    def download(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file, in blocks."""


class Operations:
    """ARI's operations, each sent by a `Caller`; None leaves a parameter out."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def applications_get(self, application_name: str) -> models.Application:
        """``GET /applications/{applicationName}``."""
        return await self._caller.call("GET", f"/applications/{fields.part(application_name)}", {}, None,
                fields.one(models.Application.from_json))

    async def applications_subscribe(self, application_name: str, *,
            event_source: Sequence[str]) -> models.Application:
        """``POST /applications/{applicationName}/subscription``."""
        return await self._caller.call("POST", f"/applications/{fields.part(application_name)}/subscription",
                fields.query({"eventSource": event_source}), None, fields.one(models.Application.from_json))

    async def applications_unsubscribe(self, application_name: str, *,
            event_source: Sequence[str]) -> models.Application:
        """``DELETE /applications/{applicationName}/subscription``."""
        return await self._caller.call("DELETE",
                f"/applications/{fields.part(application_name)}/subscription",
                fields.query({"eventSource": event_source}), None, fields.one(models.Application.from_json))

    async def applications_filter(self, application_name: str, *,
            filter_: Mapping[str, object] | None = None) -> models.Application:
        """``PUT /applications/{applicationName}/eventFilter``."""
        return await self._caller.call("PUT", f"/applications/{fields.part(application_name)}/eventFilter",
                {}, filter_, fields.one(models.Application.from_json))

    async def asterisk_get_info(self, *, only: Sequence[Literal["build", "system", "config",
            "status"]] | None = None) -> models.AsteriskInfo:
        """``GET /asterisk/info``."""
        return await self._caller.call("GET", "/asterisk/info", fields.query({"only": only}), None,
                fields.one(models.AsteriskInfo.from_json))

    async def asterisk_ping(self) -> models.AsteriskPing:
        """``GET /asterisk/ping``."""
        return await self._caller.call("GET", "/asterisk/ping", {}, None,
                fields.one(models.AsteriskPing.from_json))

    async def asterisk_list_modules(self) -> tuple[models.Module, ...]:
        """``GET /asterisk/modules``."""
        return await self._caller.call("GET", "/asterisk/modules", {}, None,
                fields.many(fields.one(models.Module.from_json)))

    async def asterisk_get_module(self, module_name: str) -> models.Module:
        """``GET /asterisk/modules/{moduleName}``."""
        return await self._caller.call("GET", f"/asterisk/modules/{fields.part(module_name)}", {}, None,
                fields.one(models.Module.from_json))

    async def asterisk_get_global_var(self, *, variable: str) -> models.Variable:
        """``GET /asterisk/variable``."""
        return await self._caller.call("GET", "/asterisk/variable", fields.query({"variable": variable}),
                None, fields.one(models.Variable.from_json))

    async def asterisk_set_global_var(self, *, variable: str, value: str | None = None) -> None:
        """``POST /asterisk/variable``."""
        return await self._caller.call("POST", "/asterisk/variable",
                fields.query({"variable": variable, "value": value}), None, fields.nothing)

    async def bridges_list(self) -> tuple[models.Bridge, ...]:
        """``GET /bridges``."""
        return await self._caller.call("GET", "/bridges", {}, None,
                fields.many(fields.one(models.Bridge.from_json)))

    async def bridges_create_with_id(self, bridge_id: str, *, type_: str | None = None,
            name: str | None = None, variables: Mapping[str, object] | None = None) -> models.Bridge:
        """``POST /bridges/{bridgeId}``."""
        return await self._caller.call("POST", f"/bridges/{fields.part(bridge_id)}",
                fields.query({"type": type_, "name": name}), variables, fields.one(models.Bridge.from_json))

    async def bridges_get(self, bridge_id: str) -> models.Bridge:
        """``GET /bridges/{bridgeId}``."""
        return await self._caller.call("GET", f"/bridges/{fields.part(bridge_id)}", {}, None,
                fields.one(models.Bridge.from_json))

    async def bridges_destroy(self, bridge_id: str) -> None:
        """``DELETE /bridges/{bridgeId}``."""
        return await self._caller.call("DELETE", f"/bridges/{fields.part(bridge_id)}", {}, None,
                fields.nothing)

    async def bridges_add_channel(self, bridge_id: str, *, channel: Sequence[str], role: str | None = None,
            absorb_dtmf: bool | None = None, mute: bool | None = None,
            inhibit_connected_line_updates: bool | None = None) -> None:
        """``POST /bridges/{bridgeId}/addChannel``."""
        return await self._caller.call("POST", f"/bridges/{fields.part(bridge_id)}/addChannel",
                fields.query({"channel": channel, "role": role, "absorbDTMF": absorb_dtmf, "mute": mute,
                "inhibitConnectedLineUpdates": inhibit_connected_line_updates}), None, fields.nothing)

    async def channels_list(self) -> tuple[models.Channel, ...]:
        """``GET /channels``."""
        return await self._caller.call("GET", "/channels", {}, None,
                fields.many(fields.one(models.Channel.from_json)))

    async def channels_originate_with_id(self, channel_id: str, *, endpoint: str,
            extension: str | None = None, context: str | None = None, priority: int | None = None,
            label: str | None = None, app: str | None = None, app_args: str | None = None,
            caller_id: str | None = None, timeout: int | None = None,
            variables: Mapping[str, object] | None = None, other_channel_id: str | None = None,
            originator: str | None = None, formats: str | None = None) -> models.Channel:
        """``POST /channels/{channelId}``."""
        return await self._caller.call("POST", f"/channels/{fields.part(channel_id)}",
                fields.query({"endpoint": endpoint, "extension": extension, "context": context,
                "priority": priority, "label": label, "app": app, "appArgs": app_args, "callerId": caller_id,
                "timeout": timeout, "otherChannelId": other_channel_id, "originator": originator,
                "formats": formats}), variables, fields.one(models.Channel.from_json))

    async def channels_get(self, channel_id: str) -> models.Channel:
        """``GET /channels/{channelId}``."""
        return await self._caller.call("GET", f"/channels/{fields.part(channel_id)}", {}, None,
                fields.one(models.Channel.from_json))

    async def channels_hangup(self, channel_id: str, *, reason_code: str | None = None,
            reason: Literal["normal", "busy", "congestion", "no_answer", "timeout", "rejected", "unallocated",
            "normal_unspecified", "number_incomplete", "codec_mismatch", "interworking", "failure",
            "answered_elsewhere"] | None = None) -> None:
        """``DELETE /channels/{channelId}``."""
        return await self._caller.call("DELETE", f"/channels/{fields.part(channel_id)}",
                fields.query({"reason_code": reason_code, "reason": reason}), None, fields.nothing)

    async def channels_continue_in_dialplan(self, channel_id: str, *, context: str | None = None,
            extension: str | None = None, priority: int | None = None, label: str | None = None) -> None:
        """``POST /channels/{channelId}/continue``."""
        return await self._caller.call("POST", f"/channels/{fields.part(channel_id)}/continue",
                fields.query({"context": context, "extension": extension, "priority": priority,
                "label": label}), None, fields.nothing)

    async def channels_play_with_id(self, channel_id: str, playback_id: str, *, media: Sequence[str],
            lang: str | None = None, offsetms: int | None = None,
            skipms: int | None = None) -> models.Playback:
        """``POST /channels/{channelId}/play/{playbackId}``."""
        return await self._caller.call("POST",
                f"/channels/{fields.part(channel_id)}/play/{fields.part(playback_id)}",
                fields.query({"media": media, "lang": lang, "offsetms": offsetms, "skipms": skipms}), None,
                fields.one(models.Playback.from_json))

    async def channels_record(self, channel_id: str, *, name: str, format_: str,
            max_duration_seconds: int | None = None, max_silence_seconds: int | None = None,
            if_exists: Literal["fail", "overwrite", "append"] | None = None, beep: bool | None = None,
            terminate_on: Literal["none", "any", "*", "#"] | None = None) -> models.LiveRecording:
        """``POST /channels/{channelId}/record``."""
        return await self._caller.call("POST", f"/channels/{fields.part(channel_id)}/record",
                fields.query({"name": name, "format": format_, "maxDurationSeconds": max_duration_seconds,
                "maxSilenceSeconds": max_silence_seconds, "ifExists": if_exists, "beep": beep,
                "terminateOn": terminate_on}), None, fields.one(models.LiveRecording.from_json))

    async def channels_get_channel_var(self, channel_id: str, *, variable: str) -> models.Variable:
        """``GET /channels/{channelId}/variable``."""
        return await self._caller.call("GET", f"/channels/{fields.part(channel_id)}/variable",
                fields.query({"variable": variable}), None, fields.one(models.Variable.from_json))

    async def channels_set_channel_var(self, channel_id: str, *, variable: str, value: str | None = None,
            report_events: bool | None = None) -> None:
        """``POST /channels/{channelId}/variable``."""
        return await self._caller.call("POST", f"/channels/{fields.part(channel_id)}/variable",
                fields.query({"variable": variable, "value": value, "report_events": report_events}), None,
                fields.nothing)

    async def channels_snoop_channel_with_id(self, channel_id: str, snoop_id: str, *, app: str,
            spy: Literal["none", "both", "out", "in"] | None = None,
            whisper: Literal["none", "both", "out", "in"] | None = None,
            app_args: str | None = None) -> models.Channel:
        """``POST /channels/{channelId}/snoop/{snoopId}``."""
        return await self._caller.call("POST",
                f"/channels/{fields.part(channel_id)}/snoop/{fields.part(snoop_id)}",
                fields.query({"app": app, "spy": spy, "whisper": whisper, "appArgs": app_args}), None,
                fields.one(models.Channel.from_json))

    async def channels_rtpstatistics(self, channel_id: str) -> models.RTPstat:
        """``GET /channels/{channelId}/rtp_statistics``."""
        return await self._caller.call("GET", f"/channels/{fields.part(channel_id)}/rtp_statistics", {}, None,
                fields.one(models.RTPstat.from_json))

    async def channels_external_media(self, *, app: str, format_: str, channel_id: str | None = None,
            variables: Mapping[str, object] | None = None, external_host: str | None = None,
            encapsulation: Literal["rtp", "audiosocket", "none"] | None = None,
            transport: Literal["udp", "tcp", "websocket"] | None = None,
            connection_type: Literal["client", "server"] | None = None,
            direction: Literal["both"] | None = None, data: str | None = None,
            transport_data: str | None = None) -> models.Channel:
        """``POST /channels/externalMedia``."""
        return await self._caller.call("POST", "/channels/externalMedia", fields.query({"app": app,
                "format": format_, "channelId": channel_id, "external_host": external_host,
                "encapsulation": encapsulation, "transport": transport, "connection_type": connection_type,
                "direction": direction, "data": data, "transport_data": transport_data}), variables,
                fields.one(models.Channel.from_json))

    async def playbacks_get(self, playback_id: str) -> models.Playback:
        """``GET /playbacks/{playbackId}``."""
        return await self._caller.call("GET", f"/playbacks/{fields.part(playback_id)}", {}, None,
                fields.one(models.Playback.from_json))

    async def recordings_get_stored(self, recording_name: str) -> models.StoredRecording:
        """``GET /recordings/stored/{recordingName}``."""
        return await self._caller.call("GET", f"/recordings/stored/{fields.part(recording_name)}", {}, None,
                fields.one(models.StoredRecording.from_json))

    async def recordings_delete_stored(self, recording_name: str) -> None:
        """``DELETE /recordings/stored/{recordingName}``."""
        return await self._caller.call("DELETE", f"/recordings/stored/{fields.part(recording_name)}", {},
                None, fields.nothing)

    def recordings_get_stored_file(self, recording_name: str) -> AsyncIterator[bytes]:
        """``GET /recordings/stored/{recordingName}/file``."""
        return self._caller.download(f"/recordings/stored/{fields.part(recording_name)}/file")

    async def recordings_get_live(self, recording_name: str) -> models.LiveRecording:
        """``GET /recordings/live/{recordingName}``."""
        return await self._caller.call("GET", f"/recordings/live/{fields.part(recording_name)}", {}, None,
                fields.one(models.LiveRecording.from_json))

    async def recordings_stop(self, recording_name: str) -> None:
        """``POST /recordings/live/{recordingName}/stop``."""
        return await self._caller.call("POST", f"/recordings/live/{fields.part(recording_name)}/stop", {},
                None, fields.nothing)

"""The settings: one YAML file, overridden by ``PHONOGRAPH__SECTION__KEY`` in the environment.

docs/settings.md is generated from the models here (``python -m service.settings_reference``).
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

_SWITCH_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


Number = Annotated[float, BeforeValidator(_no_flag)]
Count = Annotated[int, BeforeValidator(_no_flag)]


def _on_loopback(listen: str) -> bool:
    """Whether nobody on another machine can reach that address and port."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Connect(StrEnum):
    """Who calls whom."""

    DIAL = "dial"
    LISTEN = "listen"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AsteriskSettings(_Section):
    """One Asterisk."""

    kind: Literal["asterisk"] = Field(default="asterisk", description="What the switch is.")
    connect: Connect = Field(default=Connect.DIAL,
                             description="Whether Phonograph calls Asterisk, or listens for Asterisk's call "
                                         "([the two ways](restarts.md#who-calls-whom)).")
    url: str = Field(default="http://127.0.0.1:8088", pattern=r"^https?://[^/\s@]+(/[^\s]*)?$",
                     description="With `dial`: where its HTTP server listens; `/ari` is added.")
    listen: str = Field(default="127.0.0.1:8089", pattern=r"^([^/\s@:\[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5}$",
                        description="With `listen`: the address and the port for this Asterisk alone.")
    tls_certificate: Path | None = Field(
        default=None, description="With `listen`: the certificate (PEM, with those between it and its authority). "
                                  "Then Asterisk connects with `wss://`. Needed where `listen` is not on loopback.")
    tls_key: Path | None = Field(default=None, description="Its private key (PEM, without a passphrase).")
    application: str = Field(default="recorder", pattern=r"^[A-Za-z0-9_-]+$",
                             description="The Stasis application's name.")
    user: str = Field(description="With `dial`: the ARI user, as in ari.conf. With `listen`: `username` in "
                                  "websocket_client.conf.")
    password: SecretStr | None = Field(default=None, description="Its password. Either this or `password_file`.")
    password_file: Path | None = Field(default=None, description="A file whose first line is the password.")
    spool: Path = Field(default=Path("/var/spool/asterisk/recording"),
                        description="The folder that Asterisk records into, as this machine sees it.")
    audio_path: Path | None = Field(
        default=None, description="The folder that ConfBridge itself records into, such as "
                                  "`/var/spool/asterisk/monitor`: its `recording-<confbridgeId>.wav` are taken over. "
                                  "On the file system of `spool`. Without it, nothing is taken over.")
    operations_per_second: Number = Field(
        default=200.0, gt=0, le=10_000,
        description="The most ARI operations a second; ending a tap is never held back.")
    renew_taps_after: Number = Field(
        default=600.0, ge=5, le=3600,
        description="How long a tap runs before the next one takes over without a seam (seconds). A phone whose clock "
                    "runs fast loses audio in a tap that is too old.")

    @model_validator(mode="after")
    def _encrypted(self) -> AsteriskSettings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("needs both `tls_certificate` and `tls_key`, or neither")
        if self.connect is Connect.LISTEN and self.tls_certificate is None and not _on_loopback(self.listen):
            raise ValueError("`listen` is not on loopback: it needs `tls_certificate` and `tls_key`, as the password "
                             "and what callers press would be readable on the way")
        return self

    @model_validator(mode="after")
    def _one_password(self) -> AsteriskSettings:
        if (self.password is None) == (self.password_file is None):
            raise ValueError("needs either `password` or `password_file`")
        return self


class PauseSettings(_Section):
    """How a pause is confirmed."""

    confirm_within: Number = Field(
        default=0.25, gt=0, le=10,
        description="How long the switch may take to confirm that a tap is gone before it is ended by force (seconds).")


_SIZE = r"^[0-9]+(\.[0-9]+)? ?(MB|GB|TB)$"
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


def size(text: str) -> int:
    """The bytes of a size such as ``5GB``; the units are powers of 1000, as disks are sold."""
    return round(float(text[:-2]) * _UNITS[text[-2:]])


class DiskSettings(_Section):
    """Room on the disks of the spools, `work_path` and `destination_path`: a number with MB, GB or TB."""

    warn_below: str = Field(default="5GB", pattern=_SIZE,
                            description="With less free, the log and `/health` warn.")
    stop_optional_below: str = Field(
        default="1GB", pattern=_SIZE,
        description="With less free, optional recordings are stopped and no new one starts. The others go on.")

    @model_validator(mode="after")
    def _warns_first(self) -> DiskSettings:
        if size(self.stop_optional_below) > size(self.warn_below):
            raise ValueError("`stop_optional_below` must not be more than `warn_below`")
        return self


class JobSettings(_Section):
    """The work after the hangup."""

    workers: Count = Field(default=2, ge=1, le=64, description="How many recordings are worked on at once.")
    attempts: Count = Field(default=5, ge=1, le=100,
                            description="How often a job is tried before it is in the failed list.")
    lease: Number = Field(
        default=60.0, ge=1, le=86_400,
        description="How long a worker may be silent before another one takes its job over (seconds).")


class Settings(_Section):
    """Everything that the administrator sets. Relative paths count from the settings file's folder."""

    policy: Path = Field(default=Path("policy.yaml"), description="The policy file: who is recorded (docs/policy.md).")
    ledger: str = Field(default="/var/lib/phonograph/ledger.sqlite", min_length=1,
                        description="The database: an SQLite file or an SQLAlchemy URL.")
    socket: Path = Field(default=Path("/run/phonograph/phonograph.sock"),
                         description="The local socket that the command line speaks to; only its owner may.")
    journal_path: Path = Field(default=Path("/var/lib/phonograph/journal"),
                               description="The folder of the calls' journals, for `explain` and `replay`.")
    work_path: Path = Field(default=Path("/var/lib/phonograph/work"), description="The folder of unfinished files.")
    destination_path: Path = Field(default=Path("/var/lib/phonograph/recordings"),
                                   description="The folder of the finished recordings. On the file system of "
                                               "`work_path`, or each file is copied once more.")
    fileformat: str = Field(
        default="{{year}}{{month}}{{day}}-{{hours}}{{minutes}}{{seconds}}-{{uuid}}", min_length=1,
        description="The name of a recording's files: text and `{{year}}`, `{{month}}`, `{{day}}`, `{{hours}}`, "
                    "`{{minutes}}`, `{{seconds}}`, `{{uuid}}`, `{{confbridgeid}}`.")
    time_zone: str = Field(default="UTC", description="The IANA time zone of the times in names (`Europe/Berlin`).")
    log_level: LogLevel = Field(default=LogLevel.INFO, description="How much is logged.")
    log_path: Path | None = Field(default=None, description="The log file. Without it the log goes to standard error.")
    sentry_dsn: SecretStr | None = Field(default=None,
                                         description="Where error reports go (Sentry). Without it, nowhere.")
    switches: dict[str, AsteriskSettings] = Field(min_length=1, description="The switches, each under its name.")
    pause: PauseSettings = Field(default=PauseSettings(), description="How a pause is confirmed.")
    disk: DiskSettings = Field(default=DiskSettings(), description="Room on the disks.")
    jobs: JobSettings = Field(default=JobSettings(), description="The work after the hangup.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not an IANA time zone that this machine knows") from error
        return value

    @field_validator("switches")
    @classmethod
    def _own_addresses(cls, value: dict[str, AsteriskSettings]) -> dict[str, AsteriskSettings]:
        listening = [switch.listen for switch in value.values() if switch.connect is Connect.LISTEN]
        if len(set(listening)) < len(listening):
            raise ValueError("two switches have the same `listen`: each Asterisk needs an address of its own")
        return value

    @field_validator("switches")
    @classmethod
    def _short_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not _SWITCH_NAME.fullmatch(name):
                raise ValueError("a switch's name is a small letter, then small letters, digits, _ or -; at most 32")
        return value

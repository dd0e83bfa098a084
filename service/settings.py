"""The settings: one YAML file, overridden by ``PHONOGRAPH__SECTION__KEY`` in the environment.

docs/settings.md is generated from the models here (``python -m service.settings_reference``).
"""

from __future__ import annotations

import re
import socket
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from processing.steps.compose import Layout
from service.http_settings import HttpSettings
from service.notice_settings import NoticeSettings
from service.queue_settings import QUEUE, RabbitSettings
from service.setting_types import SIZE, Count, Number, Section, known_zone, size
from service.siprec_settings import SiprecSettings
from service.step_settings import OwnStepSettings, named
from service.storage_settings import LimitSettings, StorageSettings
from service.switch_settings import AsteriskSettings, Connect, SwitchSettings

_SWITCH_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class PauseSettings(Section):
    """How a pause is confirmed."""

    confirm_within: Number = Field(
        default=0.25, gt=0, le=10,
        description="How long the switch may take to confirm that a tap is gone before it is ended by force (seconds).")


class DiskSettings(Section):
    """Room on the disks of the spools, `work_path` and `destination_path`: a number with MB, GB or TB."""

    warn_below: str = Field(default="5GB", pattern=SIZE,
                            description="With less free, the log and `/health` warn.")
    stop_optional_below: str = Field(
        default="1GB", pattern=SIZE,
        description="With less free, optional recordings are stopped and no new one starts. The others go on.")

    @model_validator(mode="after")
    def _warns_first(self) -> DiskSettings:
        if size(self.stop_optional_below) > size(self.warn_below):
            raise ValueError("`stop_optional_below` must not be more than `warn_below`")
        return self


class JobSettings(Section):
    """The work after the hangup."""

    workers: Count = Field(default=2, ge=0, le=64,
                           description="How many recordings the service works on at once. With `rabbitmq`, 0 leaves "
                                       "them to `phonograph worker`.")
    attempts: Count = Field(default=5, ge=1, le=100,
                            description="How often a job is tried before it is in the failed list.")
    lease: Number = Field(
        default=60.0, ge=1, le=86_400,
        description="How long a worker may be silent before another one takes its job over (seconds).")


class Settings(Section):
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
    layouts: tuple[Layout, ...] = Field(
        default=(Layout.MIXED, Layout.STEREO), min_length=1,
        description="What is composed: everybody in one channel (of a conference always), the caller left and the "
                    "callee right (of a conference never), a file for each party.")
    encryption_key: Path | None = Field(default=None, description="With `should_encrypt`: the file of the public key.")
    encryption_mail: str | None = Field(
        default=None, min_length=1,
        description="Which key of that file: its owner's mail address, or its fingerprint. Without it, the only one.")
    should_encrypt: bool = Field(default=False, description="Whether finished recordings are encrypted "
                                                            "([how](processing.md#encryption)).")
    delete_plaintext_after: Number = Field(
        default=0.0, ge=0, le=864_000,
        description="How long the unencrypted files of an encrypted recording stay after it is ready (seconds).")
    clean_temporary_files: bool = Field(
        default=False, description="Whether what the switch recorded is deleted when the recording is `ready` and "
                                   "its copies are proven. Of encrypted recordings it always is.")
    steps: dict[str, OwnStepSettings] = Field(default={}, description="Steps of your own, each under its name.")
    node: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="The name of this machine among those at one ledger: jobs stay on the machine that has their "
                    "files. Without it, the host's name where `ledger` is a URL. Machines that see the same folders "
                    "under the same paths may have one name.")
    processing_queue: str = Field(default="phonograph.processing", pattern=QUEUE,
                                  description="The queue with tasks from elsewhere ([their form](queues.md#tasks)).")
    processed_queue: str = Field(default="phonograph.processed", pattern=QUEUE,
                                 description="The queue for what became of them.")
    failure_queue: str = Field(default="phonograph.failure", pattern=QUEUE, description="The queue for errors.")
    recordings_path: Path | None = Field(
        default=None, description="A folder whose files such tasks may name. Without it and `audio_path`, none are "
                                  "taken.")
    audio_path: Path | None = Field(default=None, description="Another such folder.")
    log_level: LogLevel = Field(default=LogLevel.INFO, description="How much is logged.")
    log_path: Path | None = Field(default=None, description="The log file. Without it the log goes to standard error.")
    sentry_dsn: SecretStr | None = Field(default=None,
                                         description="Where error reports go (Sentry). Without it, nowhere.")
    switches: dict[str, SwitchSettings] = Field(min_length=1, description="The switches, each under its name.")
    pause: PauseSettings = Field(default=PauseSettings(), description="How a pause is confirmed.")
    disk: DiskSettings = Field(default=DiskSettings(), description="Room on the disks.")
    jobs: JobSettings = Field(default=JobSettings(), description="The work after the hangup.")
    storage: StorageSettings = Field(default=StorageSettings(), description="Where finished files are kept.")
    limits: LimitSettings = Field(default=LimitSettings(), description="How long recordings may be, and are kept.")
    http: HttpSettings = Field(default=HttpSettings(), description="What other machines may ask of us.")
    rabbitmq: RabbitSettings | None = Field(default=None, description="The queue between machines.")
    siprec: SiprecSettings = Field(default=SiprecSettings(), description="Recording servers.")
    notices: NoticeSettings = Field(default=NoticeSettings(), description="Who is told of recordings.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not known_zone(value):
            raise ValueError("is not an IANA time zone that this machine knows")
        return value

    @property
    def machine(self) -> str | None:
        """The name of this machine where the ledger is one of several; None where it is a file of this machine."""
        return self.node or (socket.gethostname() if "://" in self.ledger else None)

    @model_validator(mode="after")
    def _somebody_works(self) -> Settings:
        if self.jobs.workers == 0 and self.rabbitmq is None:
            raise ValueError("`jobs.workers` may be 0 only with `rabbitmq`: nobody would finish a recording")
        return self

    @field_validator("should_encrypt")
    @classmethod
    def _key_to_encrypt_for(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("encryption_key") is None:
            raise ValueError("needs `encryption_key`, the file of a public key")
        return value

    @field_validator("steps")
    @classmethod
    def _named_steps(cls, value: dict[str, OwnStepSettings]) -> dict[str, OwnStepSettings]:
        return named(value)

    @field_validator("switches")
    @classmethod
    def _own_addresses(cls, value: dict[str, Any]) -> dict[str, Any]:
        listening = [switch.listen for switch in value.values()
                     if not isinstance(switch, AsteriskSettings) or switch.connect is Connect.LISTEN]
        listening = [address for address in listening if address is not None]
        if len(set(listening)) < len(listening):
            raise ValueError("two switches have the same `listen`: each needs an address of its own")
        return value

    @field_validator("switches")
    @classmethod
    def _short_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not _SWITCH_NAME.fullmatch(name):
                raise ValueError("a switch's name is a small letter, then small letters, digits, _ or -; at most 32")
        return value

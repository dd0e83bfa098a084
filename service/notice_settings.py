"""The settings of who is told of recordings. Where notices go is said here, and nowhere else."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, field_validator, model_validator

from policy.people import is_address
from processing.notify import wording
from recorder.states import RecordingState
from service.setting_types import Count, Number, Section, is_loopback

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_URL = r"^https?://[^/\s@?#]+(/[^\s#]*)?$"
What = Literal["armed", "recording", "paused", "ended", "empty", "processing", "ready", "incomplete", "failed",
               "expired", "uncarried", "carried"]
"""What can be told: the words of ``ledger.changes.What``."""

_ALL: tuple[What, ...] = get_args(What)
_FINISHED: tuple[What, ...] = ("ready", "incomplete", "failed")
_ENDS = (RecordingState.READY, RecordingState.INCOMPLETE, RecordingState.FAILED)
_STATES = ("The states that it is told of; and `uncarried`, `carried`: that no recording server takes it, or one does "
           "after all.")
_CA = "A file of the authorities (PEM) that its certificate is verified with. Without it, the machine's own."
_SECONDS = "How long it may take to answer (seconds)."


class Security(StrEnum):
    """How the way to a mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class WebhookSettings(Section):
    """One endpoint that gets a signed POST for each change ([how](notices.md#webhooks))."""

    url: str = Field(pattern=_URL, description="Where it is; redirects are not followed.")
    secret_file: Path = Field(description="A file with its secret: `whsec_` and base64. While a secret is exchanged, "
                                          "two lines: both sign.")
    states: tuple[What, ...] = Field(default=_ALL, min_length=1, description=_STATES)
    ca_file: Path | None = Field(default=None, description=_CA)
    timeout: Number = Field(default=10.0, gt=0, le=120, description=_SECONDS)


class MailSettings(Section):
    """Mails to the owners of recordings, whose addresses stand in the policy ([how](notices.md#mail))."""

    host: str = Field(min_length=1, pattern=r"^[A-Za-z0-9.:-]+$", description="The mail server.")
    port: Count = Field(default=587, ge=1, le=65_535, description="Its port.")
    security: Security = Field(default=Security.STARTTLS,
                               description="How the way there is protected. With `none`, a password goes to this "
                                           "machine alone.")
    ca_file: Path | None = Field(default=None, description=_CA)
    user: str | None = Field(default=None, description="Who we are for it. Without it, nobody.")
    password_file: Path | None = Field(default=None, description="A file whose first line is the password of `user`.")
    sender: str = Field(description="The address that mails come from.")
    states: tuple[RecordingState, ...] = Field(default=_ENDS, min_length=1,
                                               description="The states that owners are told of: `ready`, "
                                                           "`incomplete`, `failed`.")
    language: str = Field(default="en", description="The language for who has none in the policy.")
    timeout: Number = Field(default=20.0, gt=0, le=300, description=_SECONDS)

    @field_validator("sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if not is_address(value):
            raise ValueError("is not one mail address")
        return value

    @field_validator("states")
    @classmethod
    def _ends(cls, value: tuple[RecordingState, ...]) -> tuple[RecordingState, ...]:
        if not set(value) <= set(_ENDS):
            raise ValueError("owners are told of `ready`, `incomplete` and `failed` alone")
        return value

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in wording.languages():
            raise ValueError(f"is not one of the languages that there are: {', '.join(wording.languages())}")
        return value

    @model_validator(mode="after")
    def _protected(self) -> MailSettings:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("needs both `user` and `password_file`, or neither")
        if self.security is Security.NONE and self.user is not None and not is_loopback(self.host):
            raise ValueError("`security: none` would send the password for everybody to read")
        return self


class MattermostSettings(Section):
    """A post with the files in a channel of a Mattermost server ([how](notices.md#mattermost))."""

    url: str = Field(pattern=_URL, description="The server.")
    token_file: Path = Field(description="A file whose first line is the token of a bot that may post and upload.")
    channel: str = Field(pattern=r"^[a-z0-9]{26}$", description="The id of the channel.")
    states: tuple[What, ...] = Field(default=_FINISHED, min_length=1, description=_STATES)
    files: tuple[str, ...] = Field(default=("mixed",), max_length=10,
                                   description="Which files go along: `mixed`, `stereo`, `manifest`, `party-1` ...")
    ca_file: Path | None = Field(default=None, description=_CA)
    timeout: Number = Field(default=60.0, gt=0, le=600, description="How long each piece of 8 MiB may take (seconds).")


class AmqpSettings(Section):
    """A message for each change, which the broker confirms ([how](notices.md#amqp))."""

    host: str = Field(default="127.0.0.1", min_length=1, pattern=r"^[A-Za-z0-9.:-]+$", description="The broker.")
    port: Count = Field(default=5672, ge=1, le=65_535, description="Its port.")
    tls: bool = Field(default=False, description="Whether the way there is protected; to another machine it has to be.")
    ca_file: Path | None = Field(default=None, description=_CA)
    virtual_host: str = Field(default="/", min_length=1, description="The virtual host.")
    user: str = Field(min_length=1, description="Who we are for it.")
    password_file: Path = Field(description="A file whose first line is the password of `user`.")
    exchange: str = Field(default="", description="An exchange that exists. Without it, messages go into the queue "
                                                  "that `routing_key` names.")
    routing_key: str = Field(min_length=1, max_length=255, description="What the exchange routes by.")
    states: tuple[What, ...] = Field(default=_ALL, min_length=1, description=_STATES)
    timeout: Number = Field(default=10.0, gt=0, le=120, description="How long a confirmation may take (seconds).")

    @model_validator(mode="after")
    def _protected(self) -> AmqpSettings:
        if not self.tls and not is_loopback(self.host):
            raise ValueError("the broker is on another machine: without `tls: true` the password could be read")
        return self


class NoticeSettings(Section):
    """Who is told of recordings. Without any of the sections below, nobody is."""

    link_template: str | None = Field(
        default=None, pattern=r"^https?://[^\s]*\{recording\}[^\s]*$",
        description="Where people find a recording: a URL with `{recording}`, which becomes its id.")
    attempts: Count = Field(default=10, ge=1, le=50,
                            description="How often a notice is tried before it is in the failed list. With 10 that "
                                        "takes 10 to 20 hours.")
    webhooks: dict[str, WebhookSettings] = Field(default={}, description="Endpoints, each under its name.")
    mail: MailSettings | None = Field(default=None, description="Mails to owners.")
    mattermost: MattermostSettings | None = Field(default=None, description="Posts.")
    amqp: AmqpSettings | None = Field(default=None, description="Messages.")

    @field_validator("webhooks")
    @classmethod
    def _short_names(cls, value: dict[str, WebhookSettings]) -> dict[str, WebhookSettings]:
        for name in value:
            if not _NAME.fullmatch(name):
                raise ValueError("a webhook's name is a small letter, then small letters, digits, _ or -; at most 32")
        return value

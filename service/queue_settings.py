"""The settings of several machines at one ledger: the queue between them, and tasks from elsewhere."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from service.setting_types import Count, Section, is_loopback

_QUEUE = r"^[A-Za-z0-9._:-]{1,200}$"


class RabbitSettings(Section):
    """RabbitMQ, which tells `phonograph worker` what is to be done ([how](queues.md))."""

    host: str = Field(default="127.0.0.1", min_length=1, pattern=r"^[A-Za-z0-9.:-]+$", description="The broker.")
    port: Count = Field(default=5672, ge=1, le=65_535, description="Its port.")
    tls: bool = Field(default=False, description="Whether the way there is protected; to another machine it has to be.")
    ca_file: Path | None = Field(default=None, description="With `tls`: the authority (PEM) that has signed the "
                                                           "broker's certificate. Without it, those of this machine.")
    virtual_host: str = Field(default="/", min_length=1, description="The virtual host.")
    user: str = Field(min_length=1, description="Who we are for it.")
    password_file: Path = Field(description="A file whose first line is the password of `user`.")

    @model_validator(mode="after")
    def _protected(self) -> RabbitSettings:
        if not self.tls and not is_loopback(self.host):
            raise ValueError("the broker is on another machine: without `tls: true` the password could be read")
        return self


class SharedSettings(Section):
    """What stands at the top of the settings for several machines, and for tasks from elsewhere."""

    node: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="The name of this machine among those at one ledger: jobs stay on the machine that has their "
                    "files. Without it, the host's name where `ledger` is a URL. Machines that see the same folders "
                    "under the same paths may have one name.")
    rabbitmq: RabbitSettings | None = Field(default=None, description="The queue between machines.")
    processing_queue: str = Field(default="phonograph.processing", pattern=_QUEUE,
                                  description="The queue with tasks from elsewhere ([their form](queues.md#tasks)).")
    processed_queue: str = Field(default="phonograph.processed", pattern=_QUEUE,
                                 description="The queue for what became of them.")
    failure_queue: str = Field(default="phonograph.failure", pattern=_QUEUE, description="The queue for errors.")
    recordings_path: Path | None = Field(
        default=None, description="A folder whose files such tasks may name. Without it and `audio_path`, none are "
                                  "taken.")
    audio_path: Path | None = Field(default=None, description="Another such folder.")

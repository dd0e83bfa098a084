"""The settings of RabbitMQ."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from service.setting_types import Count, Section, is_loopback

QUEUE = r"^[A-Za-z0-9._:-]{1,200}$"
"""What the name of a queue looks like."""


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

"""The settings of one switch: an Asterisk or a FreeSWITCH."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, SecretStr, Tag, model_validator

from service.setting_types import ADDRESS, Count, Number, Section, host_and_port, is_loopback


class Connect(StrEnum):
    """Who calls whom."""

    DIAL = "dial"
    LISTEN = "listen"


class AsteriskSettings(Section):
    """One Asterisk."""

    kind: Literal["asterisk"] = Field(default="asterisk", description="What the switch is.")
    connect: Connect = Field(default=Connect.DIAL,
                             description="Whether Phonograph calls Asterisk, or listens for Asterisk's call "
                                         "([the two ways](restarts.md#who-calls-whom)).")
    url: str = Field(default="http://127.0.0.1:8088", pattern=r"^https?://[^/\s@]+(/[^\s]*)?$",
                     description="With `dial`: where its HTTP server listens; `/ari` is added.")
    listen: str = Field(default="127.0.0.1:8089", pattern=ADDRESS,
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
        host = host_and_port(self.listen)[0]
        if self.connect is Connect.LISTEN and self.tls_certificate is None and not is_loopback(host):
            raise ValueError("`listen` is not on loopback: it needs `tls_certificate` and `tls_key`, as the password "
                             "and what callers press would be readable on the way")
        return self

    @model_validator(mode="after")
    def _one_password(self) -> AsteriskSettings:
        require_one_password(self.password, self.password_file)
        return self


class FreeSwitchSettings(Section):
    """One FreeSWITCH."""

    kind: Literal["freeswitch"] = Field(description="What the switch is.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Where its event socket listens.")
    port: Count = Field(default=8021, ge=1, le=65_535, description="The event socket's port.")
    password: SecretStr | None = Field(
        default=None, description="The event socket's password, as in event_socket.conf.xml. Either this or "
                                  "`password_file`.")
    password_file: Path | None = Field(default=None, description="A file whose first line is the password.")
    spool: Path = Field(default=Path("/var/lib/freeswitch/recordings"),
                        description="The folder that FreeSWITCH records into, as this machine sees it.")
    spool_there: str | None = Field(default=None, pattern=r"^/[^\s'\"\\{}\[\]<>$;`]*$",
                                    description="The same folder as FreeSWITCH sees it, where that differs.")
    operations_per_second: Number = Field(
        default=200.0, gt=0, le=10_000,
        description="The most commands a second; ending a tap is never held back.")
    listen: str | None = Field(
        default=None, pattern=ADDRESS,
        description="The address and the port where this FreeSWITCH's dialplans may ask for the decision "
                    "([the way over a socket](freeswitch.md#the-same-over-a-socket)), such as `127.0.0.1:8084`. "
                    "Without it, nowhere.")
    listen_clients: str | None = Field(
        default=None, description="The networks that may connect there beside this machine itself, such as "
                                "`192.0.2.0/28, 2001:db8::/64`. Needed where `listen` is not on loopback.")
    taps_listen: str = Field(
        default="127.0.0.1:0", pattern=r"^[0-9A-Za-z.-]+:\d{1,5}$",
        description="The address of this machine as FreeSWITCH sees it, and the UDP port, where FreeSWITCH asks by SIP "
                    "where to send the audio for [recording servers](freeswitch.md#recording-servers). Port 0 is any "
                    "that is free. Nothing to be set where both are on one machine.")

    @property
    def clients(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `listen_clients`."""
        return tuple(ip_network(word) for word in (self.listen_clients or "").replace(",", " ").split())

    @model_validator(mode="after")
    def _for_somebody(self) -> FreeSwitchSettings:
        if host_and_port(self.taps_listen)[1] > 65_535:
            raise ValueError("`taps_listen` has a port that is none: 0 to 65535")
        try:
            clients = self.clients
        except ValueError as wrong:
            raise ValueError(f"`listen_clients`: {wrong}") from None
        if self.listen is None:
            return self
        if not 1 <= host_and_port(self.listen)[1] <= 65_535:
            raise ValueError("`listen` has a port that is none: 1 to 65535")
        if not is_loopback(host_and_port(self.listen)[0]) and not clients:
            raise ValueError("`listen` is not on loopback: it needs `listen_clients`, the networks that may connect")
        return self

    @model_validator(mode="after")
    def _one_password(self) -> FreeSwitchSettings:
        require_one_password(self.password, self.password_file)
        return self


def _kind(value: Any) -> str:
    return str(value.get("kind", "asterisk") if isinstance(value, dict) else getattr(value, "kind", "asterisk"))


SwitchSettings = Annotated[
    Annotated[AsteriskSettings, Tag("asterisk")] | Annotated[FreeSwitchSettings, Tag("freeswitch")],
    Discriminator(_kind)]
"""Without `kind` a switch is an Asterisk."""


def require_one_password(password: SecretStr | None, file: Path | None) -> None:
    """One of the two has to be set.

    Raises:
        ValueError: none is, or both are.
    """
    if (password is None) == (file is None):
        raise ValueError("needs either `password` or `password_file`")

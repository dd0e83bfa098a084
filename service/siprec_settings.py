"""The settings of recording servers (SIPREC): who they are, in which order, and how they are spoken to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from recorder.events import server_is_valid
from service.setting_types import Count, Number, Section

_HOST = r"^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])$"


class RecordingServerSettings(Section):
    """One recording server."""

    uri: str = Field(pattern=r"^sips?:[^\s<>\"]+$",
                     description="Its SIP URI: `sip:recorder@10.0.0.9:5061;transport=tls`. The transport is `udp`, "
                                 "`tcp` or `tls`.")
    user: str | None = Field(default=None, min_length=1, description="Who we are, if it asks for a password (digest).")
    password_file: Path | None = Field(default=None, description="A file whose first line is the password of `user`.")
    srtp: bool = Field(default=False,
                       description="Whether the audio is encrypted (SRTP). The keys are in the SDP, so that this needs "
                                   "`transport=tls`.")
    ca_file: Path | None = Field(default=None, description="With TLS: the authority (PEM) that has signed its "
                                                           "certificate. Without it, those of this machine.")
    certificate: Path | None = Field(default=None, description="With TLS: our own certificate (PEM, with those between "
                                                               "it and its authority).")
    key: Path | None = Field(default=None, description="Its private key (PEM, without a passphrase).")
    accept_within: Number = Field(default=4.0, gt=0, le=32, description="How long it may take to accept a session "
                                                                        "before the next server is asked (seconds).")
    session_expires: Count = Field(default=1800, ge=90, le=86_400,
                                   description="The session timer that we ask for (seconds).")
    partial_metadata: bool = Field(default=False, description="Whether it gets changes alone, after a complete "
                                                              "snapshot. Not all can read them.")
    metadata_in_update: bool = Field(default=False, description="Whether metadata alone goes in an UPDATE. Not all "
                                                                "take that.")

    @model_validator(mode="after")
    def _usable(self) -> RecordingServerSettings:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("needs both `user` and `password_file`, or neither")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("needs both `certificate` and `key`, or neither")
        if self.srtp and not self.tls:
            raise ValueError("`srtp` needs `transport=tls` in `uri`: else everybody on the way could read the keys")
        return self

    @property
    def tls(self) -> bool:
        """Whether the way there is protected."""
        return self.uri.startswith("sips:") or ";transport=tls" in self.uri.lower()


class SiprecSettings(Section):
    """Recording servers ([siprec.md](siprec.md)). Without `servers` there are none."""

    address: str = Field(default="127.0.0.1", pattern=_HOST,
                         description="This machine's address as the servers see it: SIP and RTP come from there.")
    taps_address: str = Field(default="127.0.0.1", pattern=_HOST,
                              description="This machine's address as the switches see it: their taps are sent there.")
    sip_port: Count = Field(default=0, ge=0, le=65_535,
                            description="The port (UDP and TCP) at which the servers reach us. 0: any that is free.")
    ports: str = Field(default="20000-29999", pattern=r"^[0-9]{4,5}-[0-9]{4,5}$",
                       description="The UDP ports for RTP and RTCP. A call takes six, and three with `mixed` streams.")
    streams: Literal["separate", "mixed"] = Field(
        default="separate", description="What all servers get of a call: a stream for each party, or, for servers that "
                                        "take no second one, a single stream with everybody mixed.")
    rtpengine: str | None = Field(default=None, pattern=r"^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$",
                                  description="The address and the ng port of an rtpengine that carries the audio: "
                                              "`127.0.0.1:2223`. Without it, the service does. `ports` and "
                                              "`taps_address` are not used then.")
    carried_within: Number = Field(default=1.0, ge=0.1, le=60,
                                   description="How long a call may be without a server that takes it before it goes "
                                               "into WAV files (seconds).")
    rest: Number = Field(default=30.0, ge=0, le=3600, description="How long a server that failed is asked last "
                                                                  "(seconds).")
    servers: dict[str, RecordingServerSettings] = Field(default={}, description="The servers, each under its name, in "
                                                                                "the order in which they are asked.")

    @property
    def ng(self) -> tuple[str, int] | None:
        """Host and port of rtpengine."""
        if self.rtpengine is None:
            return None
        host, _, port = self.rtpengine.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def port_range(self) -> tuple[int, int]:
        """The first and the last port."""
        first, last = self.ports.split("-")
        return int(first), int(last)

    @model_validator(mode="after")
    def _usable(self) -> SiprecSettings:
        first, last = self.port_range
        if not 1024 <= first < last - 6 or last > 65_535:
            raise ValueError("`ports` are the first and the last one, between 1024 and 65535, and at least seven")
        if self.ng is not None and not 0 < self.ng[1] <= 65_535:
            raise ValueError("`rtpengine` ends with a port, 1 to 65535")
        for name in self.servers:
            if not server_is_valid(name):
                raise ValueError("a server's name is a small letter, then small letters, digits, _ or -; at most 32, "
                                 "no five digits in a row")
        return self

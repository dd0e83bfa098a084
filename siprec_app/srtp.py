"""SRTP and SRTCP of one stream (RFC 3711), by the keys that SDP agreed on (RFC 4568); libsrtp does the work."""

from __future__ import annotations

from collections.abc import Callable

import pylibsrtp

from siprec_app.protocol.crypto import KEY_LENGTH, Crypto, Suite

__all__ = ["LARGEST", "Srtp", "new_keys"]

LARGEST = 1300
"""Bytes of a packet that can be protected, with some to spare for what is added."""

_PROFILES = {Suite.AES_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
             Suite.AES_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32}
_RTCP_TAG = 10
"""Bytes at the end of SRTCP, with both suites (RFC 4568 section 6.2.2)."""


def new_keys(draw: Callable[[int], bytes]) -> tuple[Crypto, ...]:
    """What is offered for one stream: both suites, the stronger first, each with a key that nothing else has.

    Args:
        draw: so many random bytes, such as ``secrets.token_bytes``.
    """
    return tuple(Crypto(tag, suite, draw(KEY_LENGTH)) for tag, suite in enumerate(Suite, 1))


class Srtp:
    """Both ways of a stream.

    Args:
        key: what we send with, and what the server's RTCP comes with.
    """

    def __init__(self, key: tuple[Crypto, Crypto]) -> None:
        ours, theirs = key
        self._out = _session(ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._in = _session(theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        # RFC 4568 section 6.1: whoever names a master key index puts it into each packet, before the tag.
        self._index = int(theirs.index.partition(":")[2] or 0)

    def protect(self, packet: bytes) -> bytes | None:
        """An RTP packet as it is sent; None when it cannot be: its number is too old, or was there already."""
        try:
            return self._out.protect(packet)
        except (pylibsrtp.Error, ValueError):
            return None

    def protect_rtcp(self, packet: bytes) -> bytes:
        """An RTCP packet as it is sent."""
        return self._out.protect_rtcp(packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """An RTCP packet of the server; None when it is not from there, or came already."""
        if self._index:
            packet = packet[:-_RTCP_TAG - self._index] + packet[-_RTCP_TAG:]
        try:
            return self._in.unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError):
            return None


def _session(crypto: Crypto, kind: int) -> pylibsrtp.Session:
    return pylibsrtp.Session(pylibsrtp.Policy(key=crypto.key, ssrc_type=kind, srtp_profile=_PROFILES[crypto.suite]))

"""Keys of SRTP in SDP (SDES): the attribute ``a=crypto`` of RFC 4568.

A key is a secret: it is in no ``repr``, so it reaches no log.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from enum import StrEnum

KEY_LENGTH = 30
"""Bytes of master key and salt of both suites: 128 and 112 bits (RFC 4568 section 6.1)."""


class Suite(StrEnum):
    """RFC 4568 section 6.2.1 and 6.2.2; they differ in the length of the tag on each packet."""

    AES_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_32 = "AES_CM_128_HMAC_SHA1_32"


@dataclass(frozen=True, slots=True)
class Crypto:
    """One ``a=crypto`` line.

    Attributes:
        tag: the number by which an answer names what it takes (RFC 4568 section 4.1), 1 to 999999999.
        suite: how packets are encrypted and signed.
        key: master key and salt, 30 bytes.
        lifetime: packets for which the key may be used, as it was written (``2^31`` or a number), or empty.
        index: the master key index and its length in bytes, as it was written (``1:4``), or empty.
    """

    tag: int
    suite: Suite
    key: bytes = field(repr=False)
    lifetime: str = ""
    index: str = ""


_LINE = re.compile(r"(?P<tag>[0-9]{1,9})\s+(?P<suite>\S+)\s+inline:(?P<key>[A-Za-z0-9+/]+=*)"
                   r"(?:\|(?P<lifetime>(?:2\^)?[0-9]{1,20}))?(?:\|(?P<index>[0-9]{1,10}:[0-9]{1,3}))?"
                   r"(?P<rest>(?:\s+\S+)*)\s*")
_LIFETIME = re.compile(r"(?:(?:2\^)?[0-9]{1,20})?")
_INDEX = re.compile(r"(?:[0-9]{1,10}:[0-9]{1,3})?")
_WEAKER = ("UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP", "KDR=", "FEC_ORDER=", "FEC_KEY=")
"""Session parameters that an endpoint has to understand or to refuse (RFC 4568 section 6.3): we refuse them."""


def parse(value: str) -> Crypto | None:
    """The value of an ``a=crypto`` line, or None when it is one that we cannot use.

    A suite that we do not have, several keys, a key of the wrong length, and session parameters that turn protection
    off are no error: the line is not chosen (RFC 4568 section 5.1.2). ``WSH`` and parameters with a ``-`` may be
    ignored.
    """
    match = _LINE.fullmatch(value.strip())
    if match is None or match["suite"].upper() not in set(Suite) or int(match["tag"]) == 0:
        return None
    if any(word.upper().startswith(_WEAKER) for word in match["rest"].split()):
        return None
    # Some leave the padding away.
    text = match["key"].rstrip("=")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(key) != KEY_LENGTH:
        return None
    return Crypto(tag=int(match["tag"]), suite=Suite(match["suite"].upper()), key=key,
                  lifetime=match["lifetime"] or "", index=match["index"] or "")


def build(crypto: Crypto) -> str:
    """The value of the line.

    Raises:
        ValueError: the tag or the length of the key cannot stand in such a line.
    """
    if not 1 <= crypto.tag <= 999_999_999 or len(crypto.key) != KEY_LENGTH:
        raise ValueError("a crypto line has a tag of 1 to 9 digits and a key of 30 bytes")
    if not (_LIFETIME.fullmatch(crypto.lifetime) and _INDEX.fullmatch(crypto.index)):
        raise ValueError("lifetime or master key index of a crypto line is not of the form that it has")
    line = f"{crypto.tag} {crypto.suite.value} inline:{b64encode(crypto.key).decode()}"
    line += f"|{crypto.lifetime}" if crypto.lifetime else ""
    return line + (f"|{crypto.index}" if crypto.index else "")


def chosen(offered: tuple[Crypto, ...], answered: tuple[Crypto, ...]) -> tuple[Crypto, Crypto] | None:
    """Our line that the answer took, and the answer's own: what we send with, and what we receive with.

    An answer has exactly one line, with the tag and the suite of one that was offered (RFC 4568 section 5.1.3). None
    when it has not: then there is no key, and nothing may be sent.
    """
    if len(answered) != 1:
        return None
    theirs = answered[0]
    return next(((ours, theirs) for ours in offered if (ours.tag, ours.suite) == (theirs.tag, theirs.suite)), None)

"""Signatures of webhooks as Standard Webhooks 1.0.0 has them (symmetric, ``v1``), over the very bytes that are sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, as the standard asks for."""


def secret(text: str) -> bytes:
    """The key that a secret stands for: ``whsec_`` and base64.

    Raises:
        ValueError: it is not one, or too short or too long; the message does not quote it.
    """
    if not text.startswith(PREFIX):
        raise ValueError(f"a webhook's secret begins with {PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {PREFIX} is not base64") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"a webhook's secret has {SHORTEST} to {LONGEST} bytes, this one has {len(key)}")
    return key


def headers(keys: Sequence[bytes], *, identity: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers that a receiver verifies.

    Args:
        keys: one signature each: while a secret is exchanged, the old and the new one.
        identity: of the message, the same for each attempt; without a full stop.
        at: the time of this attempt, in whole seconds since the epoch (UTC).
    """
    signed = f"{identity}.{at}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {"webhook-id": identity, "webhook-timestamp": str(at),
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures)}

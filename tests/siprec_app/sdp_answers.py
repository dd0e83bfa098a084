"""Descriptions as recording servers write them."""

from __future__ import annotations

__all__ = ["ANSWER", "described"]


def described(direction: str = "recvonly", version: int = 1, streams: int = 2) -> str:
    """An answer, or an offer of the server's, for so many streams."""
    lines = ["v=0", f"o=srs 77 {version} IN IP4 127.0.0.9", "s=-", "c=IN IP4 127.0.0.9", "t=0 0"]
    for number in range(streams):
        lines += [f"m=audio {50000 + 2 * number} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", f"a=label:{number + 1}",
                  f"a={direction}"]
    return "\r\n".join(lines) + "\r\n"


ANSWER = described()

"""SRTP as RFC 3711 has it, for a sender of the tests: AES_CM_128_HMAC_SHA1_80, one source, from the first packet on.

AES is the `openssl` command's; what is around it is written from the RFC, so that it shares no code with libsrtp.
"""

import base64
import hashlib
import hmac
import subprocess
from collections.abc import Sequence

__all__ = ["crypto", "derive", "protect"]

_HEADER = 12
_TAG = 10
_MASTER_KEY, _MASTER_SALT = 16, 14


def crypto(master: bytes) -> str:
    """The attribute of an SDP that hands on a master key and its salt, 30 bytes (RFC 4568, 9.1)."""
    return f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(master).decode()}"


def derive(master: bytes) -> tuple[bytes, bytes, bytes]:
    """The keys of a session, for the cipher and for the tag, and the salt (4.3.1, with a derivation rate of 0)."""
    key, salt = master[:_MASTER_KEY], int.from_bytes(master[_MASTER_KEY:])
    streams = [_keystream(key, [(salt ^ label << 48) << 16], length) for label, length in ((0, 16), (1, 20), (2, 14))]
    return streams[0][0], streams[1][0], streams[2][0]


def protect(packets: Sequence[bytes], master: bytes) -> list[bytes]:
    """RTP packets in the order in which they are sent, without header extension, encrypted and with a tag (3.1, 4.1.1,
    4.2.1). The rollover counter begins at 0."""
    cipher, authentication, salt = derive(master)
    starts, rollovers, rollover, last = [], [], 0, 0
    for packet in packets:
        sequence, ssrc = int.from_bytes(packet[2:4]), int.from_bytes(packet[8:12])
        rollover += last > sequence
        last = sequence
        rollovers.append(rollover.to_bytes(4))
        starts.append(int.from_bytes(salt) << 16 ^ ssrc << 64 ^ (rollover << 16 | sequence) << 16)
    longest = max(len(packet) for packet in packets) - _HEADER
    made = []
    for packet, around, stream in zip(packets, rollovers, _keystream(cipher, starts, longest), strict=True):
        coded = packet[:_HEADER] + bytes(a ^ b for a, b in zip(packet[_HEADER:], stream, strict=False))
        made.append(coded + hmac.digest(authentication, coded + around, hashlib.sha1)[:_TAG])
    return made


def _keystream(key: bytes, starts: Sequence[int], length: int) -> list[bytes]:
    """So many bytes of AES in counter mode from each start (4.1.1)."""
    blocks = -(-length // 16)
    counters = b"".join((start + number).to_bytes(16) for start in starts for number in range(blocks))
    stream = subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()], input=counters,
                            capture_output=True, check=True).stdout
    return [stream[at:at + length] for at in range(0, len(stream), 16 * blocks)]

"""What a server received by UDP, from a capture file: pcap with raw IPv4 packets in it (LINKTYPE_RAW)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Datagram", "RtpPacket", "datagrams"]

Address = tuple[str, int]

_FILE = 24
_RECORD = struct.Struct("<4I")
_UDP = 28
_RTP = struct.Struct("!BBHII")
_RTCP_TYPES = range(192, 224)
"""Second bytes that are RTCP's where both share a port (RFC 5761, 4)."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram. `at`: time.time() when it was read from the socket."""

    at: float
    source: Address
    destination: Address
    payload: bytes


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """The fields of one RTP packet (RFC 3550, 5.1) and when it was received. With SRTP the payload is cipher text with
    its tag."""

    at: float
    source: Address
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def parse(cls, datagram: Datagram) -> Self:
        """Reads one datagram.

        Raises:
            ValueError: it is not RTP.
        """
        data = datagram.payload
        if len(data) < _RTP.size or data[0] >> 6 != 2 or data[1] in _RTCP_TYPES:
            raise ValueError(f"not RTP: {data[:16].hex()}")
        first, second, sequence, timestamp, ssrc = _RTP.unpack_from(data)
        start = _RTP.size + 4 * (first & 15)
        if first & 16:
            start += 4 + 4 * int.from_bytes(data[start + 2:start + 4])
        end = len(data) - data[-1] if first & 32 else len(data)
        return cls(datagram.at, datagram.source, second & 127, second > 127, sequence, timestamp, ssrc,
                   data[start:end])


def datagrams(path: Path) -> Iterator[Datagram]:
    """Each datagram of the file, in the order of their arrival; one that is not written to its end is left out."""
    data = path.read_bytes()
    position = _FILE
    while position + _RECORD.size <= len(data):
        seconds, microseconds, kept, _length = _RECORD.unpack_from(data, position)
        position += _RECORD.size
        packet = data[position:position + kept]
        position += kept
        if len(packet) == kept:
            yield Datagram(seconds + microseconds / 1e6, _address(packet, 12, 20), _address(packet, 16, 22),
                           packet[_UDP:])


def _address(packet: bytes, host: int, port: int) -> Address:
    return ".".join(map(str, packet[host:host + 4])), int.from_bytes(packet[port:port + 2])

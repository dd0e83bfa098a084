"""G.711 companding (ITU-T G.711, 1988): mu-law and A-law octets <-> 16-bit samples, little-endian bytes.

Decoding goes through audioop. Encoding goes through a table of all 65,536 samples, made once by audioop:
several times faster for long stretches. Between the two laws one table of 256 octets does it, made by way of
linear samples.
"""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    # Python 3.11 and 3.12 announce that their audioop leaves; from 3.13 on audioop-lts has its name.
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import audioop

__all__ = ["alaw_to_mulaw", "decode_alaw", "decode_mulaw", "encode_alaw", "encode_mulaw", "mulaw_to_alaw"]

_Law = Literal["alaw", "mulaw"]
_LITTLE_UINT16 = np.dtype("<u2")
_NATIVE_IS_LITTLE = sys.byteorder == "little"


def decode_mulaw(octets: bytes) -> bytes:
    """mu-law octets -> s16le bytes, twice as many."""
    return _to_little(audioop.ulaw2lin(octets, 2))


def decode_alaw(octets: bytes) -> bytes:
    """A-law octets -> s16le bytes, twice as many."""
    return _to_little(audioop.alaw2lin(octets, 2))


def encode_mulaw(samples: bytes) -> bytes:
    """s16le bytes -> mu-law octets. Raises ValueError for half a sample."""
    return _encode(samples, "mulaw")


def encode_alaw(samples: bytes) -> bytes:
    """s16le bytes -> A-law octets. Raises ValueError for half a sample."""
    return _encode(samples, "alaw")


def mulaw_to_alaw(octets: bytes) -> bytes:
    """mu-law octets -> A-law octets, as encoding the decoded sample gives."""
    return octets.translate(_between("mulaw"))


def alaw_to_mulaw(octets: bytes) -> bytes:
    """A-law octets -> mu-law octets, as encoding the decoded sample gives."""
    return octets.translate(_between("alaw"))


def _to_little(native: bytes) -> bytes:
    return native if _NATIVE_IS_LITTLE else audioop.byteswap(native, 2)


def _encode(samples: bytes, law: _Law) -> bytes:
    return _encoder(law)[np.frombuffer(samples, _LITTLE_UINT16)].tobytes()


@functools.cache
def _encoder(law: _Law) -> NDArray[np.uint8]:
    """The octet of each sample, indexed by the sample's 16 bits as an unsigned number."""
    every = np.arange(65_536, dtype=np.uint16).tobytes()
    octets = audioop.lin2ulaw(every, 2) if law == "mulaw" else audioop.lin2alaw(every, 2)
    return np.frombuffer(octets, np.uint8)


@functools.cache
def _between(source: _Law) -> bytes:
    every = bytes(range(256))
    return encode_alaw(decode_mulaw(every)) if source == "mulaw" else encode_mulaw(decode_alaw(every))

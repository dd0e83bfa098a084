"""The fast ways (audioop, tables) against G.711 written out slowly, for every value there is."""

from __future__ import annotations

import importlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import g711

# Imported already by media.g711, which handles the announcement that comes with the first import.
audioop = importlib.import_module("audioop")
EVERY_OCTET = bytes(range(256))
EVERY_SAMPLE = range(-32_768, 32_768)


def mulaw_value(octet: int) -> int:
    """G.711 table 2a/2b: the 14-bit value of a mu-law octet, scaled to 16 bits."""
    octet = ~octet & 0xFF
    exponent, mantissa = octet >> 4 & 7, octet & 15
    magnitude = ((2 * mantissa + 33) << exponent) - 33
    return 4 * (-magnitude if octet & 0x80 else magnitude)


def alaw_value(octet: int) -> int:
    """G.711 table 1a/1b: the 13-bit value of an A-law octet, scaled to 16 bits."""
    octet ^= 0x55
    exponent, mantissa = octet >> 4 & 7, octet & 15
    magnitude = 2 * mantissa + 1 if exponent == 0 else (2 * mantissa + 33) << (exponent - 1)
    return 8 * (magnitude if octet & 0x80 else -magnitude)


def unpack(samples: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(samples) // 2}h", samples))


def test_every_mulaw_octet_has_its_value_of_the_standard() -> None:
    assert unpack(g711.decode_mulaw(EVERY_OCTET)) == [mulaw_value(octet) for octet in range(256)]


def test_every_alaw_octet_has_its_value_of_the_standard() -> None:
    assert unpack(g711.decode_alaw(EVERY_OCTET)) == [alaw_value(octet) for octet in range(256)]


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_every_sample_is_encoded_to_a_value_close_to_it(law: str) -> None:
    encode = getattr(g711, f"encode_{law}")
    samples = struct.pack("<65536h", *EVERY_SAMPLE)
    values = [mulaw_value(octet) if law == "mulaw" else alaw_value(octet) for octet in encode(samples)]
    for sample, value in zip(EVERY_SAMPLE, values, strict=True):
        # Half a step is 1/32 of the biased value (mu-law's bias is 132), or 16 units near zero.
        clipped = max(-32_635, min(32_635, sample))
        assert abs(value - clipped) <= max(16, (abs(clipped) + 132) / 32 + 4)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_an_octet_survives_decoding_and_encoding(law: str) -> None:
    encode, decode = getattr(g711, f"encode_{law}"), getattr(g711, f"decode_{law}")
    returned = encode(decode(EVERY_OCTET))
    # mu-law has two zeros, 0x7F and 0xFF, of one value.
    assert [o for o in EVERY_OCTET if returned[o] != o] == ([0x7F] if law == "mulaw" else [])


def test_the_table_encodes_as_audioop_does() -> None:
    samples = struct.pack("<65536h", *EVERY_SAMPLE)
    assert g711.encode_mulaw(samples) == audioop.lin2ulaw(samples, 2)
    assert g711.encode_alaw(samples) == audioop.lin2alaw(samples, 2)


def test_between_the_laws_is_decoding_and_encoding() -> None:
    assert g711.mulaw_to_alaw(EVERY_OCTET) == g711.encode_alaw(g711.decode_mulaw(EVERY_OCTET))
    assert g711.alaw_to_mulaw(EVERY_OCTET) == g711.encode_mulaw(g711.decode_alaw(EVERY_OCTET))


@given(st.binary(max_size=400))
def test_a_stretch_is_encoded_sample_by_sample(octets: bytes) -> None:
    samples = g711.decode_alaw(octets)
    assert g711.encode_mulaw(samples) == b"".join(
        g711.encode_mulaw(samples[i:i + 2]) for i in range(0, len(samples), 2))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError):
        g711.encode_mulaw(b"\x00\x00\x00")

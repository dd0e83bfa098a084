"""Keys in SDP: lines that can be used are, the others are not chosen, and a key is nowhere to be seen."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprec_app.protocol.crypto import KEY_LENGTH, Crypto, Suite, build, chosen, parse

KEY = bytes(range(KEY_LENGTH))
TEXT = b64encode(KEY).decode()

cryptos = st.builds(
    Crypto, tag=st.integers(1, 999_999_999), suite=st.sampled_from(Suite),
    key=st.binary(min_size=KEY_LENGTH, max_size=KEY_LENGTH), lifetime=st.sampled_from(["", "2^31", "1000000"]),
    index=st.sampled_from(["", "1:4", "12345:2"]))


@given(cryptos)
def test_a_line_is_read_as_it_was_written(crypto: Crypto) -> None:
    assert parse(build(crypto)) == crypto


@pytest.mark.parametrize("line", [
    f"1 AES_CM_128_HMAC_SHA1_80 inline:{TEXT}",
    f" 1  AES_CM_128_HMAC_SHA1_80  inline:{TEXT} ",
    f"1 aes_cm_128_hmac_sha1_80 inline:{TEXT}",
    f"1 AES_CM_128_HMAC_SHA1_80 inline:{TEXT} WSH=64",
], ids=["plain", "spaces", "lower case", "window"])
def test_a_line_that_can_be_used(line: str) -> None:
    assert parse(line) == Crypto(1, Suite.AES_80, KEY)


@pytest.mark.parametrize("line", [
    f"1 AES_CM_256_HMAC_SHA1_80 inline:{TEXT}",
    f"0 AES_CM_128_HMAC_SHA1_80 inline:{TEXT}",
    "1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=",
    f"1 AES_CM_128_HMAC_SHA1_80 inline:{TEXT};inline:{TEXT}",
    f"1 AES_CM_128_HMAC_SHA1_80 inline:{TEXT} UNENCRYPTED_SRTP",
    f"1 AES_CM_128_HMAC_SHA1_80 inline:{TEXT} KDR=1 UNAUTHENTICATED_SRTP",
    "1 AES_CM_128_HMAC_SHA1_80",
    "",
], ids=["suite", "tag", "short key", "two keys", "in the clear", "unsigned", "no key", "empty"])
def test_a_line_that_is_not_chosen(line: str) -> None:
    assert parse(line) is None


def test_a_key_is_in_no_representation() -> None:
    shown = repr(Crypto(1, Suite.AES_80, b"k" * KEY_LENGTH))
    assert "kkk" not in shown
    assert "a2tr" not in shown


def test_a_key_of_another_length_is_not_written() -> None:
    with pytest.raises(ValueError, match="30 bytes"):
        build(Crypto(1, Suite.AES_80, b"short"))


def test_a_lifetime_cannot_end_the_line() -> None:
    with pytest.raises(ValueError, match="form"):
        build(Crypto(1, Suite.AES_80, KEY, lifetime="1\r\na=x"))


def test_the_answer_names_which_of_our_lines_it_takes() -> None:
    strong, short = Crypto(1, Suite.AES_80, KEY), Crypto(2, Suite.AES_32, KEY)
    theirs = Crypto(2, Suite.AES_32, b"t" * KEY_LENGTH)
    assert chosen((strong, short), (theirs,)) == (short, theirs)


@pytest.mark.parametrize("answered", [
    (), (Crypto(3, Suite.AES_80, KEY),), (Crypto(1, Suite.AES_32, KEY),),
    (Crypto(1, Suite.AES_80, KEY), Crypto(2, Suite.AES_32, KEY)),
], ids=["none", "unknown tag", "another suite", "both"])
def test_an_answer_that_takes_none_of_them_gives_no_key(answered: tuple[Crypto, ...]) -> None:
    assert chosen((Crypto(1, Suite.AES_80, KEY), Crypto(2, Suite.AES_32, KEY)), answered) is None

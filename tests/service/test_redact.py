"""Numbers but for their last three digits, secrets altogether; ids, times and counts stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import redact

CALL = "7d0c3a52-3f0e-5c1b-9a57-5b1c6a1f0e6d"


@pytest.mark.parametrize(("said", "left"), [
    ("call from +4930123456 to 55512", "call from +*******456 to **512"),
    ("PJSIP/4930123456-0000001a is up", "PJSIP/*******456-0000001a is up"),
    ("Local/491701234567@default-00000003;2", "Local/*********567@default-00000003;2"),
    ("4111 1111 1111 1111", "**** **** **** *111"),
    ("4111-1111-1111-1111", "****-****-****-*111"),
    ("+1 (555) 123-4567", "+1 (***) ***-*567"),
    ("extension 1001", "extension 1001"),
])
def test_long_numbers_keep_their_last_three_digits(said: str, left: str) -> None:
    assert redact.text(said) == left


@pytest.mark.parametrize("whole", [
    CALL, f"{CALL}.0", f"phonograph/{CALL}.12-in.wav", "1795230600.12", "asterisk-1795230600.12",
    "2026-11-21T08:03:00.123456Z", "2026-11-21 08:03:00", "127.0.0.1:50601", "[::1]:50601", "localhost:50601",
    "Asterisk 22.10.1", "port 8088", "PJSIP/alice-0000001a", "12345678-1234-1234-1234-123456789012",
])
def test_ids_times_and_addresses_stay_whole(whole: str) -> None:
    assert redact.text(f"see {whole}, please") == f"see {whole}, please"


@pytest.mark.parametrize(("said", "left"), [
    ("http://bob:secret@127.0.0.1:8088/ari", "http://[removed]@127.0.0.1:8088/ari"),
    ("Authorization: Basic YWJjOmRlZg==", "Authorization: Basic [removed]"),
    ("authorization: bearer abc.def-ghi", "authorization: bearer [removed]"),
    ("password=hunter2&x=1", "password=[removed]&x=1"),
    ('{"token": "abc"}', '{"token": "[removed]"}'),
])
def test_secrets_go(said: str, left: str) -> None:
    assert redact.text(said) == left


def test_a_party_is_masked_whatever_its_number_looks_like() -> None:
    assert redact.plain({"number": "1795230600.12"}) == {"number": "*********0.12"}
    assert redact.plain({"number": 4930123456, "user": "x30123456"}) == {"number": "*******456", "user": "x*****456"}


def test_counts_times_and_ids_under_their_keys_stay() -> None:
    told = {"id": "4930123456", "packets": 1234567, "at": 1795230600.123, "first_leg": "49301234567", "up": True,
            "nothing": None}
    assert redact.plain(told) == told


def test_a_secret_goes_by_its_key_and_what_is_deep_is_found() -> None:
    told = {"a": [{"ari_password": "x", "said": "4930123456"}], "4930123456": 1}
    assert redact.plain(told) == {"a": [{"ari_password": "[removed]", "said": "*******456"}], "*******456": 1}


def test_what_is_neither_text_nor_number_becomes_redacted_text() -> None:
    assert redact.plain({"error": ValueError("no 4930123456")}) == {"error": "no *******456"}


@given(st.text(alphabet="0123456789 -+().abcPJSIP/;@:", max_size=60))
def test_redacting_twice_changes_nothing_more(said: str) -> None:
    once = redact.text(said)
    assert redact.text(once) == once


@given(st.from_regex(r"[0-9]{5,30}", fullmatch=True))
def test_no_number_survives_by_itself(number: str) -> None:
    assert redact.text(f"to {number} now") == f"to {'*' * (len(number) - 3)}{number[-3:]} now"

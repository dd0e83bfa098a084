"""Text for terminals."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from console import text


@given(st.text(alphabet=st.characters()))
def test_nothing_but_printable_signs_and_spaces_reaches_a_terminal(value: str) -> None:
    assert all(sign == " " or unicodedata.category(sign)[0] not in "CZ" for sign in text.safe(value))


def test_letters_of_all_scripts_quotes_and_emoji_stay() -> None:
    assert text.safe("Zoë \"x\" 'y' 李 🙂") == "Zoë \"x\" 'y' 李 🙂"


def test_columns_stay_in_line_beside_wide_signs() -> None:
    said = text.table(("a", "b"), [["李", "1"], ["xy", "2"]]).splitlines()
    assert said == ["a   b", "李  1", "xy  2"]

"""Every language has every text, with no field that nobody fills."""

from __future__ import annotations

import re

import pytest

from processing.notify.notice import ENDS
from processing.notify.wording import FIELDS, Wording, filled, languages

STATES = sorted(state.value for state in ENDS)


def test_there_are_english_and_german() -> None:
    assert {"en", "de"} <= set(languages())


@pytest.mark.parametrize("tag", languages())
def test_a_language_has_words_for_each_end_and_only_known_fields(tag: str) -> None:
    wording = Wording.load(tag)
    assert sorted(wording.subjects) == sorted(wording.texts) == STATES
    for state in STATES:
        assert set(re.findall(r"\{(\w+)\}", wording.texts[state])) <= FIELDS
        # Nothing that a caller chose may stand in a header.
        assert set(re.findall(r"\{(\w+)\}", wording.subjects[state])) <= {"began"}
        assert len(wording.subjects[state].splitlines()) == 1
    assert wording.length(61.2)


def test_a_value_is_put_in_as_it_is() -> None:
    assert filled("{a} {b}", {"a": "{b}", "b": "{0} %s"}) == "{b} {0} %s"

"""Names of finished files: what a template may say, and that nothing in it can leave the folder."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faults import NameTemplateInvalid
from processing.names import FIELDS, PART_LONGEST_BYTES, NameTemplate

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
AT = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC, 23:13:20 in Berlin."""


def _name(text: str, *, at: float = AT, zone: ZoneInfo = UTC, bridge: str = "") -> str:
    return NameTemplate.load(text, zone).render(at=at, uuid=UUID, confbridgeid=bridge)


@pytest.mark.parametrize(("template", "name"), [
    ("{{year}}{{month}}{{day}}-{{hours}}{{minutes}}{{seconds}}-{{uuid}}", f"20231114-221320-{UUID}"),
    ("{{year}}/{{month}}/{{uuid}}", f"2023/11/{UUID}"),
    ("{{ year }}_{{confbridgeid}}", "2023_none"),
    ("calls of the day {{day}}", "calls of the day 14"),
    ("ä-{{uuid}}", f"ä-{UUID}"),
])
def test_fields_are_filled_in(template: str, name: str) -> None:
    assert _name(template) == name


@pytest.mark.parametrize("template", [
    "{{caller}}", "{{}}", "{{year}", "{year}", "{{{year}}}", "", " ", "/{{uuid}}", "{{uuid}}/", "a//b", "../{{uuid}}",
    "a/../b", "a/..", "..", ".hidden/{{uuid}}", ".{{uuid}}", "-rf", "a\\b", "a\nb", "a\x00b", "a:b", "a*", "a?b", '"a"',
    "a|b", "a\u202eb", "a\x85b", " a", "a ", "a.", "x" * 201, "ä" * 101, "{{uuid}}" * 6,
])
def test_a_template_that_cannot_be_right_is_refused_when_it_is_loaded(template: str) -> None:
    with pytest.raises(NameTemplateInvalid):
        NameTemplate.load(template, UTC)


def test_the_refusal_of_a_field_names_those_that_exist() -> None:
    with pytest.raises(NameTemplateInvalid, match=", ".join(FIELDS)):
        NameTemplate.load("{{caller}}", UTC)


@pytest.mark.parametrize(("bridge", "name"), [
    ("3000", "3000"), ("../../etc/passwd", "_.._etc_passwd"), ("..", "none"), (".", "none"), ("-rf", "rf"),
    ("a/b", "a_b"), ('x"; rm -rf /', "x___rm_-rf__"), ("a\nb\x00", "a_b_"), ("%2e%2e", "_2e_2e"), ("☎", "_"),
    ("x" * 300, "x" * 64), ("{{uuid}}", "__uuid__"),
])
def test_what_a_caller_may_choose_is_harmless(bridge: str, name: str) -> None:
    assert _name("{{confbridgeid}}", bridge=bridge) == name


@given(st.text(max_size=300))
def test_no_name_of_a_conference_makes_a_way_out_or_a_name_too_long(bridge: str) -> None:
    name = _name("{{year}}/{{confbridgeid}}", bridge=bridge)
    first, last = name.split("/")
    assert first == "2023"
    assert last not in ("", ".", "..")
    assert not last.startswith((".", "-"))
    assert last.isascii()
    assert last.isprintable()
    assert len(last) <= PART_LONGEST_BYTES


@example("\ud800")
@given(st.text(alphabet=st.sampled_from("ab./\\{} \x00-é") | st.characters(), max_size=40))
def test_a_template_is_refused_or_gives_a_name_inside_the_folder(text: str) -> None:
    try:
        name = _name(text)
    except NameTemplateInvalid:
        return
    assert all(part not in ("", ".", "..") and not part.startswith(".") for part in name.split("/"))
    assert not name.startswith("/")
    assert "\x00" not in name


def test_times_are_those_of_the_zone() -> None:
    assert _name("{{hours}}", zone=BERLIN) == "23"


def test_when_clocks_go_back_two_hours_have_one_name_in_local_time_and_two_in_utc() -> None:
    first, second = 1_698_539_400.0, 1_698_543_000.0
    template = "{{hours}}{{minutes}}"
    assert (_name(template, at=first, zone=BERLIN), _name(template, at=second, zone=BERLIN)) == ("0230", "0230")
    assert (_name(template, at=first), _name(template, at=second)) == ("0030", "0130")


def test_when_clocks_go_forward_no_name_is_in_the_hour_that_is_not() -> None:
    before, after = 1_679_792_399.0, 1_679_792_400.0
    template = "{{hours}}{{minutes}}{{seconds}}"
    assert (_name(template, at=before, zone=BERLIN), _name(template, at=after, zone=BERLIN)) == ("015959", "030000")

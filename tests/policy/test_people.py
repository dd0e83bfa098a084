"""Who is told of recordings: one plain address each, found by the whole user first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import PolicyInvalid
from policy import parse
from policy.people import is_address, person
from policy.types import Identity, Person

WRITTEN = """\
people:
  alice@Sales.example: {mail: alice@mail.example, language: de, timeZone: Europe/Berlin}
  alice: {mail: other-alice@mail.example}
  "200": {mail: desk@mail.example}
"""


def test_people_are_read_with_their_language_and_time_zone() -> None:
    people = parse(WRITTEN, "policy.yaml").people
    assert people["alice@sales.example"] == Person("alice@mail.example", "de", "Europe/Berlin")
    assert people["200"] == Person("desk@mail.example")


@pytest.mark.parametrize(("who", "mail"), [
    (Identity("alice", "SALES.example"), "alice@mail.example"),
    (Identity("alice", "elsewhere.example"), "other-alice@mail.example"),
    (Identity("alice", None), "other-alice@mail.example"),
])
def test_the_whole_user_goes_before_the_bare_one(who: Identity, mail: str) -> None:
    found = person(parse(WRITTEN, "policy.yaml").people, who)
    assert found is not None
    assert found.mail == mail


@pytest.mark.parametrize("who", [Identity("bob", "sales.example"), Identity(None, "sales.example"), Identity()])
def test_who_is_not_written_down_is_told_by_nobody(who: Identity) -> None:
    assert person(parse(WRITTEN, "policy.yaml").people, who) is None


@pytest.mark.parametrize(("text", "said"), [
    ("people: {alice: {}}", "people.alice: has no address in it; allowed: mail"),
    ("people: {alice: {mail: nobody}}", "'nobody' is not one mail address"),
    ("people: {alice: {mail: 'a@b, c@d'}}", "is not one mail address"),
    ('people: {alice: {mail: "a@b\\r\\nBcc: c@d"}}', "is not one mail address"),
    ("people: {alice: {mail: a@b, language: German}}", "is not a language such as de or en"),
    ("people: {alice: {mail: a@b, timeZone: ../../etc/passwd}}", "is not an IANA time zone such as Europe/Berlin"),
    ("people: {alice: {mail: a@b, phone: 1}}", "people.alice.phone: is an unknown key"),
    ("people: {'a b': {mail: a@b}}", "is not `user@domain` or `user`"),
    ("people: {a@B: {mail: a@b}, a@b: {mail: a@b}}", "a duplicate"),
])
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(PolicyInvalid) as raised:
        parse(text, "policy.yaml")
    assert said in raised.value.message


@given(st.text())
def test_an_address_holds_nothing_that_ends_a_header_or_is_a_second_one(text: str) -> None:
    if is_address(text):
        assert not set(text) & set("\r\n\0 ,;:<>()\"")
        assert text.isascii()
        assert text.count("@") == 1

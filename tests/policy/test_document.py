"""The strict YAML reader: what it gives, what it refuses, and where it says that it is wrong."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faults import ConfigurationFault, PolicyInvalid, SettingsInvalid
from policy import Document, read, refusal, shown

EXAMPLE = """\
# a comment
name: phonograph
count: 3
ratio: 0.5
on_air: off
nothing:
clock: 1:30
day: 2026-01-31
servers:
  - host: one.example

  - host: two.example
    ports: [5060,
            5061]
"""


def document(text: str) -> Document:
    return read(text, "some.yaml", SettingsInvalid)


def refused(text: str) -> ConfigurationFault:
    with pytest.raises(SettingsInvalid) as caught:
        document(text)
    return caught.value


def test_it_gives_plain_values() -> None:
    assert document(EXAMPLE).value == {
        "name": "phonograph",
        "count": 3,
        "ratio": 0.5,
        "on_air": False,
        "nothing": None,
        "clock": "1:30",
        "day": "2026-01-31",
        "servers": [{"host": "one.example"}, {"host": "two.example", "ports": [5060, 5061]}],
    }


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "~\n", "{}"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert document(text).value == {}


def test_it_knows_where_everything_stands() -> None:
    read_in = document(EXAMPLE)
    assert read_in.key_line(("count",)) == 3
    assert read_in.key_line(("servers",)) == 9
    assert read_in.line(("servers",)) == 10
    assert read_in.line(("servers", 1)) == 12
    assert read_in.line(("servers", 1, "ports", 1)) == 14
    assert read_in.key_line(("servers", 1, "ports")) == 13


def test_what_is_not_there_has_the_line_of_what_it_is_missing_from() -> None:
    read_in = document(EXAMPLE)
    assert read_in.line(("servers", 1, "user", "name")) == 12
    assert read_in.line(("unheard", "of")) == 2


def test_it_keeps_how_a_scalar_was_written() -> None:
    read_in = document(EXAMPLE)
    assert read_in.written(("on_air",)) == "off"
    assert read_in.written(("servers",)) is None
    assert read_in.written(("unheard",)) is None


BROKEN: list[tuple[str, int, str | None, str]] = [
    ("a: 1\nb: 2\na: 3\n", 3, "a", "a duplicate: the key is already on line 1"),
    ("x:\n  - {b: 1, 'b': 2}\n", 2, "x[0].b", "a duplicate: the key is already on line 2"),
    ("a: &x 1\n", 1, None, "anchors (&name) are refused: write the value out"),
    ("&x a: 1\n", 1, None, "anchors (&name) are refused: write the value out"),
    ("b: 1\na: *x\n", 2, None, "aliases (*name) are refused: write the value out"),
    ("a: !!str 1\n", 1, None, "tags (!name) are refused: write a plain value"),
    ("a: ! 1\n", 1, None, "tags (!name) are refused: write a plain value"),
    ("a: !!python/object/apply:os.system [x]\n", 1, None, "tags (!name) are refused: write a plain value"),
    ("<<: {a: 1}\n", 1, "'<<'", "merges (<<) are refused: write the keys out"),
    ("a:\n  200: x\n", 2, "a.200", "YAML reads this key as a number, not as text: put it in quotes"),
    ("no: x\n", 1, "no", "YAML reads this key as true or false, not as text: put it in quotes"),
    ("1.5: x\n", 1, "'1.5'", "YAML reads this key as a number, not as text: put it in quotes"),
    ("a:\n  ~: x\n", 2, "a.'~'", "YAML reads this key as nothing, not as text: put it in quotes"),
    ("a:\n  ? [b]\n  : c\n", 2, "a", "a key must be text, not a list or a mapping"),
    ("a: 1\n--- \nb: 1\n", 2, None, "more than one document in the file: only one is allowed"),
    ("a:\n\tb: 1\n", 2, None, "a tab: YAML is indented with spaces only"),
    ("- a\n", 1, None, "must be a mapping of keys to values"),
    ("\n\nword\n", 3, None, "must be a mapping of keys to values"),
    ("a: 1\nb: [1, 2\nc: 3\n", 3, None, "is not YAML: expected ',' or ']', but got ':'"),
    ("a: b: c\n", 1, None, "is not YAML: mapping values are not allowed here"),
    ('a: "x\n', 2, None, "is not YAML: found unexpected end of stream"),
    ("a: 1\nb: \x00\n", 2, None, "has a character that YAML does not allow"),
    ("a: 1\r\nb: \ud800\n", 2, None, "has a character that YAML does not allow"),
    ('a: "\\UFFFFFFFF"\n', 1, None, "is not YAML: an escape or number is out of range"),
    (f"%YAML {'9' * 5000}.1\n---\na: 1\n", 1, None, "is not YAML: an escape or number is out of range"),
    ("a: 1\nb: 0b_\n", 2, "b", "looks like a number and is none"),
    (f"a: {'9' * 5000}\n", 1, "a", "looks like a number and is none"),
    ("a: " + "[" * 100_000, 1, None, "more than 32 levels inside each other"),
]


@pytest.mark.parametrize(("text", "line", "key", "said"), BROKEN, ids=[said for *_, said in BROKEN])
def test_what_is_refused_says_where_and_why(text: str, line: int, key: str | None, said: str) -> None:
    fault = refused(text)
    assert fault.message == f"some.yaml:{line}: {key + ': ' if key else ''}{said}"
    assert dict(fault.details) == {"file": "some.yaml", "line": line, "key": key, "allowed": None}


def test_all_misplaced_keys_are_told_at_once() -> None:
    fault = refused("a: 1\n2: x\nb: {c: 1, c: 2}\na: 1\n")
    assert [line.split(": ")[0:2] for line in fault.message.splitlines()] == [
        ["some.yaml:2", "2"], ["some.yaml:3", "b.c"], ["some.yaml:4", "a"],
    ]  # fmt: skip


def test_the_class_of_the_fault_is_the_readers_choice() -> None:
    with pytest.raises(PolicyInvalid):
        read("- a", "policy.yaml", PolicyInvalid)


def test_a_problem_found_later_is_told_like_one_of_the_readers() -> None:
    read_in = document(EXAMPLE)
    problems = [
        read_in.problem(("servers", 1, "ports", 1), "is taken"),
        read_in.key_problem(("count",), "is an unknown key", ["name", "ratio"]),
    ]
    fault = refusal(SettingsInvalid, read_in.name, problems)
    assert fault.message.splitlines() == [
        "some.yaml:3: count: is an unknown key; allowed: name, ratio",
        "some.yaml:14: servers[1].ports[1]: is taken",
    ]
    assert dict(fault.details) == {"file": "some.yaml", "line": 3, "key": "count", "allowed": "name, ratio"}


def test_a_key_with_odd_signs_is_quoted_in_a_path() -> None:
    assert shown(("users", "bob@x.example", "a b", "new\nline")) == "users.'bob@x.example'.'a b'.'new\\nline'"


SECRET = "hunter-seven"


def test_a_document_does_not_show_its_values_by_accident() -> None:
    assert SECRET not in repr(document(f"password: {SECRET}"))


@pytest.mark.parametrize(
    "text",
    [
        f"password: {SECRET}: {SECRET}",
        f"password: &{SECRET} {SECRET}",
        f"password: [{SECRET}",
        f"password: !{SECRET} x",
        f"password: '{SECRET}",
        f"password: {SECRET}\npassword: {SECRET}",
        f'password: "{SECRET}\\q"',
        f"- {SECRET}",
    ],
)
def test_no_message_of_the_reader_holds_a_value(text: str) -> None:
    assert SECRET not in refused(text).message


# Pieces that YAML gives a meaning to, so that random text reaches its dark corners.
structure = [": ", ":", "\n", "\n  ", "\n- ", "- ", "[", "]", "{", "}", ",", "? ", "|", ">", "|2-\n", "---", "..."]
signs = ["&x ", "*x", "!t ", "!!int ", "'", '"', "\\", "\\U", "\\x", "FFFFFFFF", "#", "%", "%YAML ", "%TAG ", "<<", "="]
scalars = ["a", "b", "é", "~", "yes", "1", "0x", "0b_", "1:30", ".inf", "-.nan", "2026-13-45"]
blanks = ["\t", "\r", "\x85", "\u2028", "\ufeff"]
pieces = st.sampled_from([*structure, *signs, *scalars, *blanks])


@given(st.text() | st.lists(pieces, max_size=25).map("".join))
@example('"\\U11111111"')
@example("a: 0x_")
@example("%TAG ! tag:%FF\n---\n!x a")
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    refused: ConfigurationFault | None = None
    try:
        assert isinstance(document(text).value, dict)
    except SettingsInvalid as fault:
        refused = fault
    if refused is not None:
        line = refused.details["line"]
        assert isinstance(line, int)
        assert 1 <= line <= len(text.splitlines()) + 1
        assert refused.message.startswith(f"some.yaml:{line}: ")


def quoted(value: Any) -> str:
    """A value in flow style with every text in escapes: a writer that shares nothing with the reader."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {quoted(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(quoted, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(sign):08x}" for sign in value) + '"'
    return "null" if value is None else str(value).lower()


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), trees, max_size=4))
def test_what_was_written_is_what_is_read(value: dict[str, Any]) -> None:
    assert document(quoted(value)).value == value

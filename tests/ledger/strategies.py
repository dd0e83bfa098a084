"""Any value of the recorder's types, with times that JSON can hold."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

# PostgreSQL has no NUL in its texts: what becomes of one is a test of its own.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of ``kind``: a dataclass, a plain type, or one built of them."""
    given = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of([values(each) for each in given])
    if get_origin(kind) is tuple:
        return st.lists(values(given[0]), max_size=3).map(tuple) if given[-1] is Ellipsis else st.tuples(
            *(values(each) for each in given))
    if get_origin(kind) is Mapping:
        return st.dictionaries(values(given[0]), values(given[1]), max_size=3)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})
    if kind is str:
        return TEXT
    return st.floats(min_value=0, max_value=4e9) if kind is float else st.from_type(kind)

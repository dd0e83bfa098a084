"""The recorder's values as JSON and back, exactly.

A field that has its default is left out, so a field that is new in a version reads well from an old row, and a
field that a version dropped is passed over.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
T = TypeVar("T")

_ABSENT = object()
_PLAIN = frozenset({str, int, float, bool, type(None)})


def pack(value: object) -> Json:
    """A value of :mod:`recorder` as JSON: dataclasses become objects, tuples and sets become lists (sets sorted).

    Raises:
        TypeError: there is no JSON for it.
    """
    if type(value) in _PLAIN:
        return cast(Json, value)
    if isinstance(value, Enum):
        return cast(Json, value.value)
    if isinstance(value, tuple | list):
        return [pack(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((pack(item) for item in value), key=str)
    if isinstance(value, Mapping):
        return {str(key): pack(item) for key, item in value.items()}
    if is_dataclass(value):
        packed: dict[str, Json] = {}
        for name, default in _defaults(cast(Hashable, type(value))):
            item = getattr(value, name)
            if item is not default and item != default:
                packed[name] = pack(item)
        return packed
    raise TypeError(f"no JSON for {type(value).__name__}")


def unpack(kind: type[T], data: Json) -> T:
    """The value of type ``kind`` that :func:`pack` turned into ``data``.

    Raises:
        TypeError, ValueError, KeyError: ``data`` was not made from a value of that type.
    """
    return cast(T, _reader(cast(Hashable, kind))(data))


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, _default(field)) for field in fields(kind))


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _ABSENT if field.default is MISSING else field.default


@cache
def _reader(kind: Any) -> Callable[[Any], object]:
    """What turns JSON into a value of ``kind``, a class or a generic alias."""
    origin, given = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = [_reader(each) for each in given if each is not type(None)]
        if len(inner) != 1:
            raise TypeError(f"a union of more than one type and None cannot be read: {kind}")
        return lambda data: None if data is None else inner[0](data)
    if origin is tuple:
        if given[-1] is Ellipsis:
            item = _reader(given[0])
            return lambda data: tuple(item(each) for each in data)
        items = [_reader(each) for each in given]
        return lambda data: tuple(read(each) for read, each in zip(items, data, strict=True))
    if origin is frozenset:
        member = _reader(given[0])
        return lambda data: frozenset(member(each) for each in data)
    if origin is not None and issubclass(origin, Mapping):
        entry = _reader(given[1])
        return lambda data: {key: entry(each) for key, each in data.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
        build = cast(Callable[..., object], kind)
        return lambda data: build(**{name: readers[name](each) for name, each in data.items() if name in readers})
    if kind is float:
        return float
    return lambda data: data

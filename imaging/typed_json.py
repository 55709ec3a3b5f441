"""Frozen records as JSON and back, by the types that their fields are declared with.

For what comes from a process that may have been taken over by the file it read: reading makes
records of the declared types, or fails. It calls nothing that the text names, as unpickling does.
Records are arrays of their fields in order, so both sides must be of one version.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from imaging.documents import Document

T = TypeVar("T")
_NAMES = {"Document": Document}  # that `imaging.entities` imports for type checkers alone
_FALSE = "this is no record of the declared type"
_dumps = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


class _Codec(NamedTuple):
    encode: Callable[[Any], Any]  # raises TypeError
    decode: Callable[[Any], Any]  # raises ValueError


def write(record: Any) -> str:
    """Write a dataclass as JSON, in ASCII.

    Fields may be str, bytes, int, float, bool, datetime, Path, an Enum of str, a dataclass of such
    fields, a tuple of them, or one of these or None.

    Raises
    ------
    TypeError
        If a field is declared with another type, or holds what it does not declare.
    """
    kind: Any = type(record)
    return _dumps(_codec(kind).encode(record))


def read(kind: type[T], text: str | bytes) -> T:
    """Read back what `write` made of a record of this kind.

    Raises
    ------
    ValueError
        If the text is anything else, however little it differs.
    TypeError
        If records of this kind cannot be written.
    """
    declared: Any = kind
    codec = _codec(declared)
    try:
        values = json.loads(text)
    except RecursionError as exc:
        raise ValueError(_FALSE) from exc
    record: T = codec.decode(values)
    return record


@cache
def _codec(kind: Any) -> _Codec:
    """How values declared with a type are written and read."""
    if kind in (str, int, float, bool, NoneType):
        return _plain(kind)
    if kind is bytes:
        return _text(bytes, lambda raw: b64encode(raw).decode(), partial(b64decode, validate=True))
    if kind is datetime:
        return _text(datetime, datetime.isoformat, datetime.fromisoformat)
    if kind is Path:
        return _text(Path, str, Path)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return _optional(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str):
        return _text(kind, str, kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"{kind} cannot be written as JSON")


def _plain(kind: type) -> _Codec:
    """Values that JSON has. A whole number may stand for a float, but no truth value for one."""
    allowed = (float, int) if kind is float else (kind,)

    def encode(value: Any) -> Any:
        if isinstance(value, allowed) and (kind is bool or not isinstance(value, bool)):
            return value
        raise TypeError(f"{type(value).__name__} where {kind.__name__} is declared")

    def decode(value: Any) -> Any:
        if type(value) in allowed:
            return value
        raise ValueError(_FALSE)

    return _Codec(encode, decode)


def _text(kind: type, write: Callable[[Any], str], read: Callable[[str], Any]) -> _Codec:
    """Values that are written as text."""

    def encode(value: Any) -> Any:
        if isinstance(value, kind):
            return write(value)
        raise TypeError(f"{type(value).__name__} where {kind.__name__} is declared")

    def decode(value: Any) -> Any:
        if type(value) is str:
            return read(value)
        raise ValueError(_FALSE)

    return _Codec(encode, decode)


def _tuple(declared: tuple[Any, ...]) -> _Codec:
    """``tuple[X, ...]``, or a tuple of as many values as are declared."""
    if len(declared) == 2 and declared[1] is Ellipsis:
        each = _codec(declared[0])

        def encode(values: Any) -> Any:
            if not isinstance(values, tuple):
                raise TypeError(f"{type(values).__name__} where tuple is declared")
            return [each.encode(value) for value in values]

        def decode(values: Any) -> Any:
            if type(values) is not list:
                raise ValueError(_FALSE)
            return tuple([each.decode(value) for value in values])

        return _Codec(encode, decode)
    return _array(tuple, declared, lambda values: values, lambda *values: values)


def _record(kind: type) -> _Codec:
    """A dataclass."""
    names = [field.name for field in fields(kind)]
    declared = get_type_hints(kind, localns=_NAMES)

    def parts(record: Any) -> tuple[Any, ...]:
        return tuple([getattr(record, name) for name in names])

    several = attrgetter(*names) if len(names) > 1 else parts  # of one, it returns no tuple
    return _array(kind, tuple(declared[name] for name in names), several, kind)


def _array(
    kind: type,
    declared: tuple[Any, ...],
    parts: Callable[[Any], tuple[Any, ...]],
    make: Callable[..., Any],
) -> _Codec:
    """Values of a fixed number of parts."""
    codecs = [_codec(part_kind) for part_kind in declared]
    encoders, decoders = [c.encode for c in codecs], [c.decode for c in codecs]

    def encode(value: Any) -> Any:
        if type(value) is not kind or len(values := parts(value)) != len(encoders):
            raise TypeError(f"{type(value).__name__} where {kind.__name__} is declared")
        return [encode(part) for encode, part in zip(encoders, values, strict=True)]

    def decode(values: Any) -> Any:
        if type(values) is not list or len(values) != len(decoders):
            raise ValueError(_FALSE)
        return make(*[decode(value) for decode, value in zip(decoders, values, strict=True)])

    return _Codec(encode, decode)


def _optional(declared: tuple[Any, ...]) -> _Codec:
    """One type, or None."""
    others = [option for option in declared if option is not NoneType]
    if len(others) != 1 or len(declared) != 2:
        raise TypeError(f"{declared} cannot be told apart in JSON")
    inner = _codec(others[0])

    def encode(value: Any) -> Any:
        return None if value is None else inner.encode(value)

    def decode(value: Any) -> Any:
        return None if value is None else inner.decode(value)

    return _Codec(encode, decode)

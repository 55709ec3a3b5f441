"""Frozen records as JSON and back, by the types that their fields are declared with.

For what comes from a process that may have been taken over by the file it read: reading makes
records of the declared types, or fails. It calls nothing that the text names, as unpickling does.
Records are arrays of their fields in order, so both sides must be of one version. Pixels stand
beside the text: it names the type and the shape of each array, in their order.
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

import numpy as np
from numpy.typing import NDArray

from imaging.documents import Document

T = TypeVar("T")
PutArray = Callable[[NDArray[Any]], None]
GetArray = Callable[[np.dtype[Any], tuple[int, ...]], NDArray[Any]]
_MOST_AXES = 4  # frames, rows, columns, samples
_DTYPES = {
    np.dtype(kind).str: np.dtype(kind)
    for kind in ("?", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8")
}
_NAMES = {"Document": Document}  # that `imaging.entities` imports for type checkers alone
_FALSE = "this is no record of the declared type"
_dumps = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


class _Codec(NamedTuple):
    encode: Callable[[Any], Any]  # raises TypeError
    decode: Callable[[Any], Any]  # raises ValueError


def write(record: Any, put: PutArray | None = None) -> str:
    """Write a dataclass as JSON, in ASCII.

    Fields may be str, bytes, int, float, bool, datetime, Path, an Enum of str, a dataclass of such
    fields, a tuple of them, one of these or None, or a numpy array of numbers or truth values.

    Parameters
    ----------
    record : dataclass
    put : callable, optional
        Gets every array, in the order in which `read` will ask for them; without it there may be
        none.

    Raises
    ------
    TypeError
        If a field is declared with another type, or holds what it does not declare.
    """
    kind: Any = type(record)
    values = _codec(kind).encode(record)
    if put is None:
        return _dumps(values)

    def name_array(array: Any) -> dict[str, Any]:
        put(array)
        return {"type": array.dtype.str.replace("=", "<"), "shape": array.shape}

    encoder = json.JSONEncoder(check_circular=False, separators=(",", ":"), default=name_array)
    return encoder.encode(values)


def read(kind: type[T], text: str | bytes, get: GetArray | None = None) -> T:
    """Read back what `write` made of a record of this kind.

    Parameters
    ----------
    kind : type
    text : str or bytes
    get : callable, optional
        Returns an array of a type and a shape; called for each in order, while the text is read.
        Without it there may be none.

    Raises
    ------
    ValueError
        If the text is anything else, however little it differs.
    TypeError
        If records of this kind cannot be written.
    """
    declared: Any = kind
    codec = _codec(declared)

    def take_array(named: dict[str, Any]) -> Any:
        if get is None:
            raise ValueError(_FALSE)
        return get(*_array_head(named))

    try:
        values = json.loads(text, object_hook=take_array)
    except RecursionError as exc:
        raise ValueError(_FALSE) from exc
    record: T = codec.decode(values)
    return record


def _array_head(named: dict[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape of an array, checked."""
    dtype, shape = named.get("type"), named.get("shape")
    if len(named) != 2 or type(dtype) is not str or type(shape) is not list:
        raise ValueError(_FALSE)
    whole = all(type(length) is int and length >= 0 for length in shape)
    if dtype not in _DTYPES or len(shape) > _MOST_AXES or not whole:
        raise ValueError(_FALSE)
    return _DTYPES[dtype], tuple(shape)


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
    if get_origin(kind) is np.ndarray:
        return _pixels(get_args(get_args(kind)[1])[0])
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


def _pixels(declared: Any) -> _Codec:
    """An array, which the encoder takes out of the text; `Any` stands for every type of number."""
    concrete = isinstance(declared, type) and declared.__module__ == "numpy"
    wanted = None
    if concrete and not declared.__subclasses__():
        wanted = np.dtype(declared)

    def check(value: Any, error: type[Exception]) -> Any:
        known = type(value) is np.ndarray and value.dtype.newbyteorder("<").str in _DTYPES
        if known and (wanted is None or value.dtype == wanted):
            return value
        raise error(_FALSE)

    return _Codec(partial(check, error=TypeError), partial(check, error=ValueError))


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

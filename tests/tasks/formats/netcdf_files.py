"""Writes classic NetCDF files (CDF-1) byte by byte, with any dimensions and attributes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_TYPES = {"S1": 2, "int16": 3, "int32": 4, "float32": 5, "float64": 6}
Attributes = Mapping[str, str | float]


@dataclass(frozen=True)
class Variable:
    dimensions: tuple[str, ...]
    values: np.ndarray
    attributes: Attributes = field(default_factory=dict)


def grid_axes(height: int = 6, width: int = 8) -> dict[str, Variable]:
    """Coordinates `lat` (from north to south) and `lon` of a grid of one degree."""
    lat = Variable(("lat",), 50.0 - np.arange(height), {"units": "degrees_north"})
    lon = Variable(("lon",), 10.0 + np.arange(width), {"units": "degrees_east"})
    return {"lat": lat, "lon": lon}


def write_netcdf(
    path: Path, variables: Mapping[str, Variable], attributes: Attributes | None = None
) -> Path:
    """Variables one after the other; the dimensions are those of the values."""
    sizes: dict[str, int] = {}
    for variable in variables.values():
        sizes |= dict(zip(variable.dimensions, variable.values.shape, strict=True))
    order = list(sizes)
    head = b"CDF\x01" + struct.pack(">I", 0)
    head += _list(10, [_name(name) + struct.pack(">I", size) for name, size in sizes.items()])
    head += _attributes(attributes or {})
    begin = len(head) + len(_list(11, [_entry(n, v, order, 0) for n, v in variables.items()]))
    entries, data = [], b""
    for name, variable in variables.items():
        entries.append(_entry(name, variable, order, begin + len(data)))
        data += _padded(_big(variable.values).tobytes())
    path.write_bytes(head + _list(11, entries) + data)
    return path


def _entry(name: str, variable: Variable, order: list[str], begin: int) -> bytes:
    axes = [order.index(dimension) for dimension in variable.dimensions]
    size = len(_padded(variable.values.tobytes()))
    kind = _TYPES[variable.values.dtype.name]
    return (
        _name(name)
        + struct.pack(f">I{len(axes)}I", len(axes), *axes)
        + _attributes(variable.attributes)
        + struct.pack(">III", kind, size, begin)
    )


def _attributes(attributes: Attributes) -> bytes:
    entries = []
    for name, value in attributes.items():
        if isinstance(value, str):
            kind, count, raw = 2, len(value.encode()), value.encode()
        else:
            kind, count, raw = 6, 1, struct.pack(">d", value)
        entries.append(_name(name) + struct.pack(">II", kind, count) + _padded(raw))
    return _list(12, entries)


def _list(tag: int, entries: list[bytes]) -> bytes:
    return struct.pack(">II", tag if entries else 0, len(entries)) + b"".join(entries)


def _name(name: str) -> bytes:
    raw = name.encode()
    return struct.pack(">I", len(raw)) + _padded(raw)


def _padded(raw: bytes) -> bytes:
    return raw.ljust(-(-len(raw) // 4) * 4, b"\0")


def _big(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder(">"))

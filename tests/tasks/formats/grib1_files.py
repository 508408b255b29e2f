"""Writes one message of GRIB edition 1, as older weather models do (FM 92 GRIB, edition 1)."""

from __future__ import annotations

import struct

import numpy as np


def grib1_message(values: np.ndarray, *, west: float = 10.0, north: float = 50.0) -> bytes:
    """Whole numbers 0 to 255 on a grid of one degree: temperature at 2 m, 2020-08-10 06:00."""
    height, width = values.shape
    product = _product()
    grid = _grid(width, height, west, north)
    data = _data(values.astype("uint8").tobytes())
    length = 8 + len(product) + len(grid) + len(data) + 4
    return b"GRIB" + _three(length) + b"\x01" + product + grid + data + b"7777"


def _three(number: int) -> bytes:
    return struct.pack(">I", number)[1:]


def _product() -> bytes:
    """Section 1; the flag 0x80 says that a grid follows."""
    fields = bytes((2, 7, 1, 255, 0x80, 11, 105)) + struct.pack(">H", 2)
    moment = bytes((20, 8, 10, 6, 0, 1, 0, 0, 10)) + bytes(3) + bytes((21, 0)) + bytes(2)
    return _three(28) + (fields + moment).ljust(25, b"\0")


def _grid(width: int, height: int, west: float, north: float) -> bytes:
    """Section 2: longitude and latitude in thousandths of a degree, from north to south."""
    east, south = west + width - 1, north - height + 1
    head = bytes((0, 255, 0)) + struct.pack(">HH", width, height)
    corners = _three(int(north * 1000)) + _three(int(west * 1000)) + b"\x80"
    corners += _three(int(south * 1000)) + _three(int(east * 1000))
    return _three(32) + head + corners + struct.pack(">HH", 1000, 1000) + bytes(5)


def _data(packed: bytes) -> bytes:
    """Section 4: simple packing in 8 bits, scale 1, reference value 0."""
    length = 11 + len(packed) + len(packed) % 2
    unused = 8 * (len(packed) % 2)
    head = _three(length) + bytes((unused,)) + struct.pack(">H", 0) + bytes(4) + bytes((8,))
    return (head + packed).ljust(length, b"\0")

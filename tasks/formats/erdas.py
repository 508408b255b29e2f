"""Walks the tree of an Erdas Imagine file: sizes of its layers, and no pixels from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.formats.errors import complex_data, corrupt, external_reference, missing_sidecar
from tasks.formats.limits import Extent, Limits, check_block, check_extent
from tasks.formats.reading import HeaderReader, header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"EHFA_HEADER_TAG",)
SPILL_FILE = ".ige"
"""Holds the pixels of large rasters."""

_MAX_NODES = 100_000
_DTYPES = ("uint8",) * 4 + ("int8", "uint16", "int16", "uint32", "int32", "float32", "float64",
                            "complex64", "complex128")  # fmt: skip
_POINTS_ELSEWHERE = (
    "ImgExternalRaster",
    "ExternalRasterDMS",
    "Eimg_DependentFile",
    "Eimg_RRDNamesList",
)


@dataclass(frozen=True)
class _Node:
    type: str
    depth: int
    data: bytes


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Facts of the layers; raises Rejected where the tree is broken or points out of the file."""
    with header_of(path) as reader:
        nodes = list(_nodes(reader))
        _check_references(nodes, path)
        layers = [node for node in nodes if node.type == "Eimg_Layer" and node.depth == 1]
        if not layers or len(layers[0].data) < 20:
            raise corrupt("The Erdas Imagine file holds no raster layer.")
        width, height, _, kind, block_width, block_height = _layer(layers[0].data)
        if kind >= len(_DTYPES):
            raise corrupt(f"The Erdas Imagine file has pixels of type {kind}, which is not known.")
        dtype = _DTYPES[kind]
        if dtype.startswith("complex"):
            raise complex_data(dtype)
        sample = int(dtype.lstrip("uintfloa")) // 8
        extent = Extent(width, height, len(layers), sample)
        size = reader.size + _size(path.with_suffix(SPILL_FILE))
        check_extent(extent, size, limits)
        block = block_width * block_height * sample
        check_block(block, limits)
        return HeaderFacts.of(size, extent, dtype, block)


def _nodes(reader: HeaderReader) -> Iterator[_Node]:
    """All nodes (Ehfa_Entry), parents first."""
    header = reader.number("<I", 16)
    waiting = [(reader.number("<I", header + 8), 0)]
    seen: set[int] = set()
    while waiting:
        position, depth = waiting.pop()
        if not position or position in seen:
            continue
        if len(seen) >= _MAX_NODES:
            raise corrupt(f"The Erdas Imagine file has more than {_MAX_NODES} nodes.")
        seen.add(position)
        following, _, _, child, data, length = reader.unpack("<6I", position)
        kind = reader.bytes_at(position + 24 + 64, 32).split(b"\0")[0].decode("latin-1")
        # Reversed: layers are taken in their order.
        waiting += [(following, depth), (child, depth + 1)]
        wanted = kind == "Eimg_Layer" or kind in _POINTS_ELSEWHERE
        yield _Node(kind, depth, reader.bytes_at(data, min(length, 1 << 16)) if wanted else b"")


def _layer(data: bytes) -> tuple[int, ...]:
    numbers = [int.from_bytes(data[at : at + n], "little") for at, n in
               ((0, 4), (4, 4), (8, 2), (10, 2), (12, 4), (16, 4))]  # fmt: skip
    return tuple(numbers)


def _check_references(nodes: list[_Node], path: Path) -> None:
    for node in nodes:
        if node.type not in _POINTS_ELSEWHERE:
            continue
        if b".." in node.data or b"/vsi" in node.data:
            raise external_reference("The Erdas Imagine file names a file outside its folder.")
        spilled = node.type in ("ImgExternalRaster", "ExternalRasterDMS")
        if spilled and b"/" in node.data:
            raise external_reference("The Erdas Imagine file takes its pixels from another folder.")
        if spilled and not path.with_suffix(SPILL_FILE).exists():
            raise missing_sidecar(
                "The pixels of this Erdas Imagine file are in a second file (.ige), "
                "which is missing.",
                "Hand in both files together.",
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

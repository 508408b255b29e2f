"""HDF5 and NetCDF 4: no file takes its values from another one, and every object is looked at."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
import rasterio

from repository.errors import Rejected
from tasks.formats import hdf5
from tasks.formats.limits import DEFAULT_LIMITS
from tests.rasters import gradient
from tests.tasks.formats.hdf5_files import (
    CONTIGUOUS,
    DATASET_AT,
    NOWHERE,
    ROOT_AT,
    chunked,
    dataset,
    external_link,
    external_values,
    hard_link,
    with_extension,
    write_hdf5,
)
from tests.tasks.formats.walk import cut, rejection, take, write_as

LINK = [hard_link("data", DATASET_AT)]
PLAIN = dataset((8, CONTIGUOUS))
VIRTUAL = (8, struct.pack("<BB", 4, 3) + bytes(16))


def code_of(path: Path) -> str:
    with pytest.raises(Rejected) as caught:
        hdf5.check(path, DEFAULT_LIMITS)
    return caught.value.code


def test_a_plain_file_is_taken(tmp_path: Path) -> None:
    taken = take(write_hdf5(tmp_path / "a.h5", LINK, PLAIN))
    assert taken.read()[0].tolist()[1] == [4, 5, 6, 7]


def test_values_in_another_file_are_refused_before_gdal_reads_them(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"SECRET OF A HOST")
    values = dataset(external_values(), (8, NOWHERE))
    path = write_hdf5(tmp_path / "a.h5", LINK, values, heap_text=str(secret))
    with rasterio.open(path, driver="HDF5") as leaking:  # what the check must prevent
        assert bytes(leaking.read(1)) == b"SECRET OF A HOST"
    assert code_of(path) == "external_reference"
    assert rejection(path).code == "external_reference"


def test_a_link_to_another_file_is_refused(tmp_path: Path) -> None:
    other = write_hdf5(tmp_path / "b.h5", LINK, PLAIN)
    path = write_hdf5(tmp_path / "a.h5", [external_link("data", str(other), "/data")], PLAIN)
    assert code_of(path) == "external_reference"


def test_a_virtual_dataset_is_refused(tmp_path: Path) -> None:
    assert code_of(write_hdf5(tmp_path / "a.h5", LINK, dataset(VIRTUAL))) == "external_reference"


def test_a_reference_deep_in_groups_is_found(tmp_path: Path) -> None:
    # The dataset's header is a group here: its link leads out of the file.
    group = [external_link("data", "other.h5", "/data")]
    assert code_of(write_hdf5(tmp_path / "a.h5", LINK, group)) == "external_reference"


@pytest.mark.parametrize(
    ("kind", "code"), [(0x14, "external_reference"), (0x18, "corrupt"), (0x17, None)]
)
def test_a_file_in_parts_or_with_a_cache_of_objects_is_refused(
    tmp_path: Path, kind: int, code: str | None
) -> None:
    path = with_extension(write_hdf5(tmp_path / "a.h5", LINK, PLAIN), kind)
    if code is None:
        hdf5.check(path, DEFAULT_LIMITS)
    else:
        assert code_of(path) == code


def test_groups_that_hold_one_another_end(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.h5", LINK, [hard_link("up", ROOT_AT)])
    hdf5.check(path, DEFAULT_LIMITS)


def test_a_chunk_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    values = dataset(chunked(40_000, 40_000))
    assert code_of(write_hdf5(tmp_path / "a.h5", LINK, values)) == "block_too_large"


@pytest.mark.parametrize("bands", [5, 40, 300])
def test_every_variable_of_a_large_group_is_looked_at(
    tmp_path: Path, bands: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few links lie in the group's header, many in a heap under a tree, in one or two levels."""
    path = write_as(tmp_path / "a.nc", "netCDF", gradient("uint8", 4, 5, bands), FORMAT="NC4")
    seen = []
    original = hdf5.messages
    monkeypatch.setattr(
        hdf5, "messages", lambda reader, at: seen.append(at) or original(reader, at)
    )
    hdf5.check(path, DEFAULT_LIMITS)
    # The root, all bands, two coordinates and the grid mapping.
    assert len(seen) == len(set(seen)) == bands + 4


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_cut_file_is_truncated(tmp_path: Path, share: float) -> None:
    path = write_as(tmp_path / "a.nc", "netCDF", gradient("float64"), FORMAT="NC4")
    assert code_of(cut(path, share)) in ("truncated", "corrupt")


@pytest.mark.parametrize("position", range(8, 96, 8))
def test_noise_in_the_superblock_is_a_rejection(tmp_path: Path, position: int) -> None:
    path = write_hdf5(tmp_path / "a.h5", LINK, PLAIN)
    content = bytearray(path.read_bytes())
    content[position : position + 8] = b"\xff" * 8
    path.write_bytes(content)
    with contextlib.suppress(Rejected):
        hdf5.check(path, DEFAULT_LIMITS)

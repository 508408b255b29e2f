from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
import rasterio

from tasks.tiff_metadata import without_harmful_metadata
from tests.inspecting import inspect
from tests.rasters import gradient, write_raster

MANY = {f"k{i}": "v" for i in range(3000)}


def harmless(path: Path) -> tuple[Path, list[str]]:
    """What is left of a file, and the codes of the warnings."""
    kept, notes = without_harmful_metadata(path, path.with_name("copy.tif"))
    return kept, [code for code, _ in notes]


def with_tags(path: Path, tags: dict[str, str], ns: str | None = None, **options: str) -> Path:
    write_raster(path, gradient("int16", bands=2), **options)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.descriptions = (0.5, 1.0), ("height", "error")
        dataset.update_tags(ns=ns, **tags)
    return path


def test_an_ordinary_file_is_left_alone(tmp_path: Path) -> None:
    path = with_tags(tmp_path / "a.tif", {"TITLE": "Alps", "SOURCE": "/vsicurl/x"})
    assert harmless(path) == (path, [])


@pytest.mark.parametrize("bigtiff", ["NO", "YES"])
@pytest.mark.parametrize("endianness", ["LITTLE", "BIG"])
def test_too_many_items_leave_a_copy_with_what_describes_bands(
    tmp_path: Path, bigtiff: str, endianness: str
) -> None:
    path = with_tags(tmp_path / "a.tif", MANY, bigtiff=bigtiff, endianness=endianness)
    before = path.read_bytes()
    kept, codes = harmless(path)
    assert (kept.name, codes) == ("copy.tif", ["metadata_shortened"])
    assert path.read_bytes() == before
    with rasterio.open(kept) as dataset, rasterio.open(path) as original:
        assert dataset.scales == (0.5, 1.0)
        assert dataset.descriptions == ("height", "error")
        assert 0 < len(dataset.tags()) <= 201
        assert (dataset.read() == original.read()).all()
        assert dataset.crs == original.crs


@pytest.mark.parametrize("domain", ["OVERVIEWS", "GEOLOCATION", "SUBDATASETS"])
def test_items_that_reach_other_files_go(tmp_path: Path, domain: str) -> None:
    tags = {"OVERVIEW_FILE": "/etc/hostname", "X_DATASET": "/etc/hostname"}
    kept, codes = harmless(with_tags(tmp_path / "a.tif", tags, ns=domain))
    assert "metadata_shortened" in codes
    assert b"hostname" not in kept.read_bytes().split(b"</GDALMetadata>")[0]
    with rasterio.open(kept) as dataset:
        assert dataset.tags(ns=domain) == {}
        assert dataset.descriptions == ("height", "error")


def test_a_reference_to_overviews_is_told(tmp_path: Path) -> None:
    path = with_tags(tmp_path / "a.tif", {"OVERVIEW_FILE": "/etc/hostname"}, ns="OVERVIEWS")
    assert harmless(path)[1] == ["metadata_shortened", "external_reference"]


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><GDALMetadata>'
        b'<Item name="x">&b;</Item></GDALMetadata>',
        b"<GDALMetadata>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</GDALMetadata>",
        b"<GDALMetadata><Item name='x'>" + b"y" * 2_000_000 + b"</Item></GDALMetadata>",
    ],
    ids=["entities", "depth", "length"],
)
def test_other_xml_that_costs_goes(tmp_path: Path, xml: bytes) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), photometric="MINISBLACK")
    put_metadata(path, xml)
    kept, codes = harmless(path)
    assert codes == ["metadata_shortened"]
    with rasterio.open(kept) as dataset:
        assert len(str(dataset.tags())) < 300
        assert dataset.read().max() > 0


def put_metadata(path: Path, xml: bytes) -> None:
    """Give a little-endian TIFF of one page the tag 42112, by a new directory at its end."""
    content = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    entries = [bytes(content[at + 2 + 12 * i : at + 14 + 12 * i]) for i in range(count)]
    text_at = len(content) + len(content) % 2
    content += bytes(len(content) % 2) + xml + b"\0"
    entries.append(struct.pack("<HHII", 42112, 2, len(xml) + 1, text_at))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    content += bytes(len(content) % 2)
    struct.pack_into("<I", content, 4, len(content))
    content += struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II+\0\x08\0\0\0" + b"\xff" * 8,
        b"MM",
        b"II+\0\x08\0\0\0" + b"\xff" * 7 + b"\x7f",
    ],
)
def test_a_broken_file_is_left_to_who_checks_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert harmless(path) == (path, [])


def test_a_hundred_thousand_items_are_published_quickly(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    items = b"".join(b'<Item name="k%d">v</Item>' % i for i in range(100_000))
    put_metadata(path, b"<GDALMetadata>" + items + b"</GDALMetadata>")
    start = time.monotonic()
    info = inspect(path)
    assert time.monotonic() - start < 10
    assert 0 < len(info.tags) <= 200
    assert "metadata_shortened" in dict(info.warnings)

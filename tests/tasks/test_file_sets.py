from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from repository.errors import Rejected
from tasks.file_sets import MAX_ATTACHMENTS, FileSets, sort_files
from tests.inspecting import handed


def recognise(path: Path, name: str, sidecars: Mapping[str, Path]) -> str:
    """Contents that begin with II are rasters, those of zeros where a header is with them."""
    content = path.read_bytes()
    if content.startswith(b"II*\0"):
        return "GeoTIFF"
    if content.startswith(b"PNG"):
        return "PNG"
    if content.startswith(b"\0") and ".hdr" in sidecars:
        return "ENVI"
    raise Rejected(f"The file is not a raster: {content[:4]!r}.", code="not_a_raster", hint="No.")


TIFF, RAW, PICTURE, TEXT = b"II*\0rest", b"\0\0\0\0", b"PNG", b"text"


def sets_of(folder: Path, **contents: bytes) -> FileSets:
    """The sets of files whose names are the keywords, `__` for the dot and `_of_` for folders."""
    named = {key.replace("__", ".").replace("_of_", "/"): text for key, text in contents.items()}
    return sort_files(handed(named, folder), recognise)


def names(files: FileSets) -> tuple[list[str], list[str], list[str]]:
    """Names of rasters, attachments and ignored files."""
    return (
        [raster.file.name for raster in files.rasters],
        [file.name for file in files.attachments],
        [file.name for file, _ in files.ignored],
    )


def test_each_file_has_its_place(tmp_path: Path) -> None:
    found = sets_of(tmp_path, a__tif=TIFF, a__tfw=TEXT, report__pdf=TEXT, list__shp=TEXT)
    assert names(found) == (["a.tif"], ["report.pdf"], ["list.shp"])
    assert [sidecar.name for sidecar in found.rasters[0].sidecars.values()] == ["a.tfw"]


def test_the_content_tells_a_raster_not_the_ending(tmp_path: Path) -> None:
    assert names(sets_of(tmp_path, a__txt=TIFF, b__tif__vrt=TIFF, c__xml=TIFF))[0] == [
        "a.txt",
        "c.xml",
    ]
    assert names(sets_of(tmp_path / "alone", b__tif__vrt=TIFF))[0] == ["b.tif.vrt"]


def test_sidecars_are_found_whatever_the_case(tmp_path: Path) -> None:
    (raster,) = sets_of(tmp_path, Scene__DAT=RAW, scene__HDR=TEXT).rasters
    assert raster.format == "ENVI"
    assert raster.sidecars[".hdr"].name == "scene.HDR"


def test_a_header_with_the_whole_name_wins(tmp_path: Path) -> None:
    (raster,) = sets_of(tmp_path, s__dat=RAW, s__hdr=TEXT, s__dat__hdr=TEXT).rasters
    assert raster.sidecars[".hdr"].name == "s.dat.hdr"


def test_sidecars_of_another_folder_are_not_taken(tmp_path: Path) -> None:
    found = sets_of(tmp_path, one_of_a__tif=TIFF, two_of_a__tfw=TEXT)
    assert not found.rasters[0].sidecars
    assert names(found)[2] == ["two/a.tfw"]


def test_a_mask_must_be_a_tiff(tmp_path: Path) -> None:
    good = sets_of(tmp_path / "a", a__tif=TIFF, a__tif__msk=TIFF)
    assert good.rasters[0].mask is not None
    bad = sets_of(tmp_path / "b", a__tif=TIFF, a__tif__msk=TEXT)
    assert bad.rasters[0].mask is None
    assert [(file.name, reason) for file, reason in bad.ignored] == [("a.tif.msk", "it is no TIFF")]


@pytest.mark.parametrize("name", ["a__tif__aux__xml", "a__tif__ovr", "other__ovr", "a__aux"])
def test_what_gdal_would_follow_is_left_out(tmp_path: Path, name: str) -> None:
    found = sets_of(tmp_path, a__tif=TIFF, **{name: TIFF})
    assert names(found) == (["a.tif"], [], [name.replace("__", ".")])


@pytest.mark.parametrize("name", ["map__vrt", "map__xml", "map"])
def test_a_virtual_raster_is_refused_wherever_it_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(Rejected, match="virtual") as caught:
        sets_of(tmp_path, a__tif=TIFF, **{name: b"\xef\xbb\xbf <VRTDataset rasterXSize='1'>"})
    assert caught.value.code == "unsupported_format"


def test_a_tiff_that_speaks_of_vrt_is_none(tmp_path: Path) -> None:
    assert names(sets_of(tmp_path, a__tif=TIFF + b"<VRTDataset>"))[0] == ["a.tif"]


def test_files_of_the_operating_system_are_left_out(tmp_path: Path) -> None:
    junk = ["__MACOSX/a.tif", "x/.DS_Store", "._a.tif", "x/Thumbs.db"]
    files = handed({"a.tif": TIFF} | dict.fromkeys(junk, TIFF), tmp_path)
    assert names(sort_files(files, recognise)) == (["a.tif"], [], junk)


def test_a_picture_beside_rasters_is_a_preview(tmp_path: Path) -> None:
    found = sets_of(tmp_path, a__tif=TIFF, look__png=PICTURE, map__png=PICTURE, map__pgw=TEXT)
    assert names(found)[:2] == (["a.tif", "map.png"], ["look.png"])
    assert names(sets_of(tmp_path / "alone", look__png=PICTURE))[0] == ["look.png"]


def test_a_raster_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"^b\.tif: ") as caught:
        sets_of(tmp_path, a__tif=TIFF, b__tif=TEXT)
    assert caught.value.code == "not_a_raster"


def test_an_unknown_file_beside_a_raster_is_left_out_with_its_reason(tmp_path: Path) -> None:
    found = sets_of(tmp_path, a__tif=TIFF, b__xyz=TEXT)
    assert [reason for _, reason in found.ignored] == ["The file is not a raster: b'text'"]


def test_documents_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        sets_of(tmp_path, a__pdf=TEXT, b__txt=TEXT)
    assert caught.value.code == "no_raster"
    assert caught.value.hint


def test_one_file_alone_has_the_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        sets_of(tmp_path, a__pdf=TEXT)
    assert caught.value.code == "not_a_raster"


def test_more_attachments_than_a_product_has_are_left_out(tmp_path: Path) -> None:
    many = {f"{i}__txt": TEXT for i in range(MAX_ATTACHMENTS + 3)}
    found = sets_of(tmp_path, a__tif=TIFF, **many)
    assert len(found.attachments) == MAX_ATTACHMENTS
    assert len(found.ignored) == 3


@pytest.mark.parametrize(
    "beside",
    ["a.txt", "a.pdf", "a.xml", "a.json", "a.csv", "a.stx", "a.sta", "a.enp", "a.dbf", "a.clr",
     "a.blw", "a.dat.txt", "a.dat.sta"],
)  # fmt: skip
def test_a_header_makes_no_pixels_of_what_lies_beside_them(tmp_path: Path, beside: str) -> None:
    for header in ("a.hdr", "a.dat.hdr"):
        files = {beside: RAW * 100, "a.dat": RAW, header: TEXT}
        found = sort_files(handed(files, tmp_path / header), recognise)
        assert [raster.file.name for raster in found.rasters] == ["a.dat"]


def test_of_unknown_files_with_the_name_of_a_header_the_largest_has_the_pixels(
    tmp_path: Path,
) -> None:
    files = {"a.one": RAW, "a.two": RAW * 2, "a.tif": TIFF * 9, "a.hdr": TEXT}
    found = sort_files(handed(files, tmp_path), recognise)
    assert names(found)[0] == ["a.two", "a.tif"]


def test_a_document_with_a_header_is_no_raster(tmp_path: Path) -> None:
    with pytest.raises(Rejected):
        sort_files(handed({"a.pdf": RAW, "a.hdr": TEXT}, tmp_path), recognise)

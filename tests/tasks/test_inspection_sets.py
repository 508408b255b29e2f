"""Uploads of several files, archives and containers; what is told on the way."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError

from repository.errors import BadRequest, NeedsInput, Rejected
from repository.findings import Findings
from tasks import describing
from tasks.raster_source import Inspection
from tests.inspecting import inspect_set
from tests.rasters import gradient, write_raster


def tiff(folder: Path, dtype: str = "uint8", **options: Any) -> bytes:
    return write_raster(folder / "made.tif", gradient(dtype), **options).read_bytes()


def zipped(**members: bytes) -> bytes:
    """A zip; `__` in a keyword is the dot, `_of_` the slash of its name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for key, content in members.items():
            archive.writestr(key.replace("__", ".").replace("_of_", "/"), content)
    return file.getvalue()


def names(inspection: Inspection) -> list[str]:
    return [found.source.name for found in inspection.rasters]


def codes(inspection: Inspection) -> list[str]:
    return [code for code, _ in inspection.rasters[0].info.warnings]


def question(files: dict[str, bytes | Path], folder: Path) -> NeedsInput:
    with pytest.raises(NeedsInput) as caught:
        inspect_set(files, folder)
    return caught.value


def test_the_one_raster_of_an_archive_is_meant(tmp_path: Path) -> None:
    content = zipped(scene_of_dem__tif=tiff(tmp_path), scene_of_readme__txt=b"hello")
    found = inspect_set({"scene.zip": content}, tmp_path / "job")
    assert names(found) == ["scene/dem.tif"]
    (attachment,) = found.attachments
    assert (attachment.name, attachment.media_type) == ("scene/readme.txt", "text/plain")
    assert Path(attachment.path).read_bytes() == b"hello"


def test_rasters_of_an_archive_must_be_chosen(tmp_path: Path) -> None:
    content = zipped(a__tif=tiff(tmp_path), b__tif=tiff(tmp_path, "int16"), c__pdf=b"%PDF")
    asked = question({"two.zip": content}, tmp_path / "job")
    assert asked.code == "choose_subdatasets"
    assert [(o["id"], o["width"], o["height"]) for o in asked.options] == [
        ("a.tif", 50, 40), ("b.tif", 50, 40),
    ]  # fmt: skip
    for answer, expected in (
        (["b.tif"], ["b.tif"]),
        (["b.tif", "a.tif"], ["a.tif", "b.tif"]),
        (["*"], ["a.tif", "b.tif"]),
        ("a.tif", ["a.tif"]),
    ):  # fmt: skip
        folder = tmp_path / f"job-{len(list(tmp_path.iterdir()))}"
        found = inspect_set({"two.zip": content}, folder, answers={"subdatasets": answer})
        assert names(found) == expected


def test_archives_of_one_raster_each_are_all_meant(tmp_path: Path) -> None:
    one, two = zipped(a__tif=tiff(tmp_path)), zipped(a__tif=tiff(tmp_path, "int16"))
    found = inspect_set({"one.zip": one, "two.zip": two}, tmp_path / "job")
    assert names(found) == ["one.zip/a.tif", "two.zip/a.tif"]


@pytest.mark.parametrize("answer", [["c.tif"], [], [7], 7, ["*", "a.tif"]])
def test_a_choice_of_what_is_not_there_is_told_with_the_options(
    tmp_path: Path, answer: Any
) -> None:
    content = zipped(a__tif=tiff(tmp_path), b__tif=tiff(tmp_path))
    with pytest.raises(BadRequest, match="`subdatasets`") as caught:
        inspect_set({"x.zip": content}, tmp_path / "job", answers={"subdatasets": answer})
    assert caught.value.code == "invalid_answer"
    assert [option["id"] for option in caught.value.options] == ["a.tif", "b.tif"]


def test_files_that_came_one_by_one_are_all_meant(tmp_path: Path) -> None:
    files = {"a.tif": tiff(tmp_path), "b.tif": tiff(tmp_path, "int16"), "notes.json": b"{}"}
    found = inspect_set(files, tmp_path / "job")
    assert names(found) == ["a.tif", "b.tif"]
    assert [raster.info.bands[0].dtype for raster in found.rasters] == ["uint8", "int16"]
    assert [attachment.name for attachment in found.attachments] == ["notes.json"]


def test_an_error_names_the_file_among_several(tmp_path: Path) -> None:
    files = {"a.tif": tiff(tmp_path), "b.tif": tiff(tmp_path)[:300]}
    with pytest.raises(Rejected, match=r"^b\.tif: "):
        inspect_set(files, tmp_path / "job")
    with pytest.raises(Rejected, match=r"^The file ends") as caught:
        inspect_set({"b.tif": tiff(tmp_path)[:300]}, tmp_path / "job2")
    assert caught.value.detail.startswith("The file")


def test_a_broken_member_is_told_and_not_offered(tmp_path: Path) -> None:
    content = zipped(a__tif=tiff(tmp_path), b__tif=tiff(tmp_path)[:300], c__tif=tiff(tmp_path))
    said: list[Findings] = []
    with pytest.raises(NeedsInput) as caught:
        inspect_set({"x.zip": content}, tmp_path / "job", say_found=said.append)
    assert [option["id"] for option in caught.value.options] == ["a.tif", "c.tif"]
    assert "member_unreadable" in dict(said[-1].warnings)


def test_the_one_readable_raster_of_an_archive_is_meant(tmp_path: Path) -> None:
    content = zipped(a__tif=tiff(tmp_path), b__tif=tiff(tmp_path)[:300])
    found = inspect_set({"x.zip": content}, tmp_path / "job")
    assert names(found) == ["a.tif"]
    assert "member_unreadable" in codes(found)


def test_variables_of_a_container_are_chosen_by_their_own_names(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    for table in ("alps", "andes"):
        options = {"driver": "GPKG", "raster_table": table, "append_subdataset": "yes"}
        write_raster(path, gradient("uint8"), **options)
    asked = question({"two.gpkg": path}, tmp_path / "job")
    assert [option["id"] for option in asked.options] == ["alps", "andes"]
    answers = {"subdatasets": ["andes"]}
    found = inspect_set({"two.gpkg": path}, tmp_path / "job2", answers=answers)
    assert names(found) == ["two.gpkg:andes"]


def test_the_first_page_is_meant_and_others_can_be_named(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    write_raster(path, gradient("uint8", 10, 12), append_subdataset="yes")
    first = inspect_set({"a.tif": path}, tmp_path / "job")
    assert (names(first), codes(first)) == (["a.tif"], ["more_pages"])
    second = inspect_set({"a.tif": path}, tmp_path / "job2", answers={"subdatasets": ["2"]})
    assert (second.rasters[0].info.width, second.rasters[0].info.height) == (12, 10)


def envi(folder: Path) -> tuple[bytes, bytes]:
    path = write_raster(folder / "raw.dat", gradient("int16"), driver="ENVI")
    return path.read_bytes(), path.with_suffix(".hdr").read_bytes()


def test_raw_pixels_need_their_header(tmp_path: Path) -> None:
    pixels, header = envi(tmp_path)
    found = inspect_set({"Scene.DAT": pixels, "scene.hdr": header}, tmp_path / "job")
    assert (found.rasters[0].source.driver, found.rasters[0].info.width) == ("ENVI", 50)
    with pytest.raises(Rejected, match="hdr") as caught:
        inspect_set({"Scene.DAT": pixels}, tmp_path / "job2")
    assert caught.value.code == "missing_sidecar"


def test_a_world_file_of_raw_pixels_says_where_they_lie(tmp_path: Path) -> None:
    options = {"driver": "EHdr", "crs": None}
    path = write_raster(tmp_path / "a.bil", gradient("uint8"), **options)
    header = [line for line in path.with_suffix(".hdr").read_text().splitlines()
              if not line.startswith(("ULX", "ULY", "XDIM", "YDIM"))]  # fmt: skip
    files = {
        "a.bil": path.read_bytes(), "a.hdr": "\n".join(header).encode(),
        "a.blw": b"10\n0\n0\n-10\n500005\n4999995\n",
    }  # fmt: skip
    found = inspect_set(files, tmp_path / "job", answers={"crs": "EPSG:32633"})
    assert found.rasters[0].info.transform == (10, 0, 500_000, 0, -10, 5_000_000)


def test_a_report_beside_raw_pixels_is_kept_as_one(tmp_path: Path) -> None:
    pixels, header = envi(tmp_path)
    files = {"s.pdf": b"%PDF" + bytes(9000), "s.dat": pixels, "s.hdr": header, "s.sta": b"ENVI"}
    found = inspect_set(files, tmp_path / "job")
    assert names(found) == ["s.dat"]
    assert [attachment.name for attachment in found.attachments] == ["s.pdf"]


def test_a_mask_that_fits_is_used_and_another_is_told(tmp_path: Path) -> None:
    mask = write_raster(tmp_path / "mask.tif", gradient("uint8") * 0 + 255)
    small = write_raster(tmp_path / "small.tif", gradient("uint8", 4, 4))
    found = inspect_set({"a.tif": tiff(tmp_path), "a.tif.msk": mask}, tmp_path / "job")
    assert found.rasters[0].source.mask_path
    assert found.rasters[0].info.bands[0].mask == "per_dataset"
    wrong = inspect_set({"a.tif": tiff(tmp_path), "a.tif.msk": small}, tmp_path / "job2")
    assert wrong.rasters[0].source.mask_path == ""
    assert codes(wrong) == ["mask_ignored"]


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    files = {"a.tif": tiff(tmp_path), "a.tif.aux.xml": b"<PAMDataset/>", "b.shp": b"shape"}
    found = inspect_set(files, tmp_path / "job")
    sentence = dict(found.rasters[0].info.warnings)["files_ignored"]
    assert "a.tif.aux.xml" in sentence
    assert "b.shp" in sentence


def test_an_archive_in_an_archive_is_refused_or_left_out(tmp_path: Path) -> None:
    inner = zipped(a__tif=tiff(tmp_path))
    with pytest.raises(Rejected) as caught:
        inspect_set({"x.zip": zipped(inner__zip=inner)}, tmp_path / "job")
    assert caught.value.code == "nested_archive"
    beside = zipped(inner__zip=inner, b__tif=tiff(tmp_path))
    assert codes(inspect_set({"x.zip": beside}, tmp_path / "job2")) == ["files_ignored"]


def test_office_documents_are_attachments_though_they_are_zip_files(tmp_path: Path) -> None:
    files = {"a.tif": tiff(tmp_path), "report.docx": zipped(word_of_x__xml=b"<x/>")}
    (attachment,) = inspect_set(files, tmp_path / "job").attachments
    assert attachment.name == "report.docx"


def test_a_tar_and_a_compressed_file_are_unpacked(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.add(write_raster(tmp_path / "in.tif", gradient("uint8")), "deep/in.tif")
    assert names(inspect_set({"x.tgz": file.getvalue()}, tmp_path / "job")) == ["deep/in.tif"]


def test_the_date_may_stand_in_the_archives_name(tmp_path: Path) -> None:
    inside = inspect_set({"x_20240824.zip": zipped(dem__tif=tiff(tmp_path))}, tmp_path / "a")
    assert inside.rasters[0].info.datetime == "2024-08-24T00:00:00Z"
    content = zipped(s_20200102_of_dem__tif=tiff(tmp_path))
    folder = inspect_set({"x_20240824.zip": content}, tmp_path / "b")
    assert folder.rasters[0].info.datetime == "2020-01-02T00:00:00Z"


def test_an_answered_place_that_cannot_be_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"`crs`.*degrees") as caught:
        inspect_set(
            {"a.tif": tiff(tmp_path, crs=None)}, tmp_path / "job", answers={"crs": "EPSG:4326"}
        )
    assert caught.value.code == "invalid_answer"
    files = {"a.tif": tiff(tmp_path, crs=None, transform=None)}
    answers = {"crs": "EPSG:4326", "bounds": [10, 40, 11, 120]}
    with pytest.raises(BadRequest, match="cannot be right"):
        inspect_set(files, tmp_path / "job2", answers=answers)


def test_of_several_rasters_each_keeps_the_place_that_it_names(tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {
        "a.tif": tiff(tmp_path),
        "b.tif": tiff(tmp_path, "float32", crs=None),
    }
    answers = {"crs": "EPSG:32632", "nodata": -9999}
    found = inspect_set(files, tmp_path / "job", answers=answers).rasters
    assert [raster.info.crs_epsg for raster in found] == [32633, 32632]
    assert [raster.info.bands[0].nodata for raster in found] == [None, -9999]
    (alone,) = inspect_set(
        {"a.tif": tiff(tmp_path)}, tmp_path / "b", answers={"crs": 32632}
    ).rasters
    assert alone.info.crs_epsg == 32632


def test_a_wrong_datetime_is_an_invalid_answer_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="datetime") as caught:
        inspect_set({"a.tif": b"no raster"}, tmp_path, answers={"datetime": "soon"})
    assert caught.value.code == "invalid_answer"


def test_what_was_found_is_told_before_the_question(tmp_path: Path) -> None:
    said: list[Findings] = []
    with pytest.raises(NeedsInput):
        inspect_set({"a.tif": tiff(tmp_path, crs=None)}, tmp_path / "job", say_found=said.append)
    last = said[-1]
    assert last.step == "placing"
    assert [(file.name, file.format) for file in last.files] == [("a.tif", "GeoTIFF")]
    (raster,) = last.rasters
    assert (raster.width, raster.height, raster.crs_name) == (50, 40, "")
    assert raster.bounds == (400_000, 5_599_600, 400_500, 5_600_000)
    assert raster.bands[0].histogram_counts
    assert raster.quicklook_png


def test_a_rejection_shows_where_the_file_says_it_lies(tmp_path: Path) -> None:
    said: list[Findings] = []
    content = tiff(tmp_path, crs="EPSG:4326")
    with pytest.raises(Rejected) as caught:
        inspect_set({"a.tif": content}, tmp_path / "job", say_found=said.append)
    assert caught.value.code == "impossible_coordinates"
    assert "metres" in caught.value.hint
    assert (said[-1].step, said[-1].rasters[0].crs_epsg) == ("placing", 4326)


def test_a_file_of_text_is_named_in_what_was_found(tmp_path: Path) -> None:
    said: list[Findings] = []
    with pytest.raises(Rejected):
        inspect_set({"a\n.tif": b"hello"}, tmp_path, say_found=said.append)
    assert [(file.name, file.size_bytes) for file in said[-1].files] == [("a.tif", 5)]
    assert said[-1].step == "sorting"


def test_findings_survive_json(tmp_path: Path) -> None:
    said: list[Findings] = []
    pixels = np.array([[[np.nan, 1.5], [-9999, 2]]], "float32")
    path = write_raster(tmp_path / "a.tif", pixels, nodata=-9999)
    inspect_set({"a.tif": path}, tmp_path / "job", say_found=said.append)
    stored = json.loads(json.dumps(said[-1].to_json(), allow_nan=False))
    assert Findings.from_json(stored).to_json() == stored


def test_a_plain_cog_is_taken_as_it_is_by_its_own_path(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif", gradient("uint8", 600, 600), driver="COG", compress="DEFLATE",
        blocksize=256,
    )  # fmt: skip
    found = inspect_set({"a.tif": path}, tmp_path / "job").rasters[0]
    assert found.take_as_it_is
    assert Path(found.source.path) == tmp_path / "job" / "upload-0"
    world = {"a.tif": path, "a.tfw": b"1\n0\n0\n-1\n0\n0\n"}
    assert not inspect_set(world, tmp_path / "job2").rasters[0].take_as_it_is


def test_a_cog_whose_metadata_were_cleaned_is_written_anew(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 600, 600))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**{f"k{i}": "v" for i in range(2500)})
    options = {"driver": "COG", "compress": "DEFLATE", "blocksize": "256"}
    rasterio.shutil.copy(path, tmp_path / "cog.tif", **options)
    found = inspect_set({"a.tif": tmp_path / "cog.tif"}, tmp_path / "job")
    assert "metadata_shortened" in codes(found)
    assert not found.rasters[0].take_as_it_is


def test_the_file_that_was_handed_in_is_never_changed(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE="/etc/hostname")
    before = path.read_bytes()
    found = inspect_set({"a.tif": before}, tmp_path / "job")
    assert (tmp_path / "job" / "upload-0").read_bytes() == before
    assert "external_reference" in codes(found)


def test_what_gdal_says_in_the_middle_is_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(dataset: object, bands: object) -> None:
        raise RasterioError(f"cannot read {tmp_path}/job/rasters/0000/raster.tif")

    monkeypatch.setattr(describing, "read_sample", broken)
    with pytest.raises(Rejected) as caught:
        inspect_set({"a.tif": tiff(tmp_path)}, tmp_path / "job")
    assert caught.value.code == "corrupt"
    assert str(tmp_path) not in caught.value.detail

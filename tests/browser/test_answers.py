"""Uploads that are refused, ask, warn or are cancelled, in a real browser (answers_journey.mjs)."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tests.browser.test_portal import chromium, node
from tests.rasters import gradient, write_raster

pytestmark = [pytest.mark.services, pytest.mark.browser]

SCRIPT = "<img src=x onerror=alert(1)>"
GRID = from_origin(458_000, 5_550_000, 30, 30)


def damaged(path: Path) -> Path:
    """A raster whose header is sound and whose pixels are not, with markup in every name."""
    pixels = np.random.default_rng(3).integers(0, 4000, (1, 256, 256)).astype("uint16")
    write_raster(path, pixels, transform=GRID, compress="deflate", blockysize=16)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TITLE=f"<script>alert(2)</script>{SCRIPT}")
        dataset.set_band_description(1, f"red {SCRIPT}")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(content)
    return path


def several(path: Path) -> Path:
    """Two rasters and a note in one archive."""
    parts = [
        write_raster(path.with_name(name), gradient("int16"), nodata=-1)
        for name in ("height.tif", "slope.tif")
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            archive.write(part, f"scene/{part.name}")
        archive.writestr("scene/readme.txt", "About these rasters.")
    return path


def ambiguous(path: Path) -> Path:
    """A picture in a black frame that no nodata value explains."""
    pixels = np.random.default_rng(5).integers(900, 4000, (1, 200, 200)).astype("uint16")
    pixels[:, :, :60] = 0
    pixels[:, :30, :] = 0
    return write_raster(path, pixels, transform=GRID)


@pytest.fixture(scope="module")
def seen(live_server_process: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser saw."""
    folder = tmp_path_factory.mktemp("answers")
    files = {
        "rejected": str(damaged(folder / f"{SCRIPT}.tif")),
        "unplaced": str(
            write_raster(folder / "scan.tif", gradient("uint8"), crs=None, transform=GRID)
        ),
        "several": str(several(folder / "scene.zip")),
        "ambiguous": str(ambiguous(folder / "frame.tif")),
        "together": [
            str(write_raster(folder / name, gradient("uint8"))) for name in ("a.tif", "b.tif")
        ],
    }
    given = {
        "chromium": chromium(), "url": live_server_process.url.rstrip("/"),
        "user": live_server_process.admin_user, "password": live_server_process.admin_password,
        "files": files, "shots": str(folder),
    }  # fmt: skip
    run = subprocess.run(
        [node(), str(Path(__file__).with_name("answers_journey.mjs")), json.dumps(given)],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_a_refused_file_is_explained_with_step_cause_fix_and_findings(
    seen: dict[str, Any],
) -> None:
    page = seen["rejected"]
    assert page["cause"].endswith(".")
    assert "What to do:" in page["panel"]
    assert "It ended while preparing the map." in page["panel"]
    assert "256 × 256 pixels" in page["found"]
    assert "WGS 84 / UTM zone 33N (EPSG:32633)" in page["found"]
    assert "locator" in page["pictures"]


def test_markup_in_names_and_tags_stays_text(seen: dict[str, Any]) -> None:
    assert SCRIPT in seen["rejected"]["found"]
    assert seen["rejected"]["injected"] == 0


def test_a_missing_system_is_searched_checked_on_the_map_and_saved(seen: dict[str, Any]) -> None:
    placed = seen["placed"]
    assert placed["offered"] >= 1
    assert "This is no coordinate system" in placed["problem"]
    assert placed["place"].startswith("It lies between 14.4")
    assert placed["asked"] == "needs_input"
    assert placed["address"].startswith("/products/")


def test_several_rasters_are_chosen_from_and_listed(seen: dict[str, Any]) -> None:
    chosen = seen["chosen"]
    assert chosen["options"][0] == "All 2"
    assert any("slope" in title for title in chosen["options"])
    assert "Choose at least one." in chosen["empty"]
    assert chosen["rasters"] == 2


def test_cancel_and_try_again_work_in_the_list(seen: dict[str, Any]) -> None:
    assert seen["cancelled"] == "/jobs/"


def test_a_nodata_value_set_afterwards_makes_a_new_version_at_the_same_address(
    seen: dict[str, Any],
) -> None:
    nodata = seen["nodata"]
    assert "0" in nodata["warned"]
    assert "version 1" in nodata["before"]
    assert "This is no number." in nodata["problem"]
    assert nodata["again"] == nodata["address"]
    assert "version 2" in nodata["after"]
    assert "59.5%" in nodata["values"]  # 140 × 170 of 200 × 200 pixels
    assert nodata["warnings"] == 0


def test_what_was_found_is_shown_as_map_picture_and_histogram(seen: dict[str, Any]) -> None:
    assert seen["nodata"]["pictures"] == ["locator", "quicklook", "histogram"]


def test_files_that_belong_together_become_one_map(seen: dict[str, Any]) -> None:
    assert seen["set"]["left"] == 0
    assert {"a.tif", "b.tif"} <= {name.strip() for name in seen["set"]["files"]}


def test_the_question_is_answered_without_scripts(seen: dict[str, Any]) -> None:
    found = seen["withoutScripts"]
    assert found["map"]
    assert found["place"].startswith("It lies between 14.4")
    assert found["state"] != "needs_input"


def test_no_page_complains_in_the_console(seen: dict[str, Any]) -> None:
    """Violations of the content security policy and opened dialogs are such complaints."""
    assert seen["complaints"] == []


def test_no_page_breaks_a_rule_of_accessibility(seen: dict[str, Any]) -> None:
    assert [page for page in seen["pages"] if page["violations"]] == []
    assert len(seen["pages"]) == 5 + 2 * 7


def test_no_page_scrolls_sideways(seen: dict[str, Any]) -> None:
    assert [page for page in seen["pages"] if page["overflow"] > 0] == []

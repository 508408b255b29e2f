"""The portal in a real browser: one journey (journey.mjs), judged from many sides."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin
from rasterio.warp import transform

from tests.rasters import write_raster

pytestmark = [pytest.mark.services, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[2]
PIXELS, METRES = 64, 30
LEFT, TOP = 458_000.0, 5_550_000.0
EAST_TO_WEST = np.tile(np.linspace(0, 100, PIXELS, dtype="float32"), (PIXELS, 1))[None]
"""0 at the left edge, 100 at the right: (1, height, width)."""


def _place(column: float, row: float) -> list[float]:
    """Longitude and latitude of a place in the raster, by PROJ."""
    x, y = LEFT + column * METRES, TOP - row * METRES
    (longitude,), (latitude,) = transform("EPSG:32633", "EPSG:4326", [x], [y])
    return [longitude, latitude]


def chromium() -> str:
    """The browser's program; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None or not (ROOT / "node_modules" / "playwright-core").is_dir():
        pytest.skip("Chromium or the front-end packages are not installed")
    return found


def node() -> str:
    """The program that runs a journey."""
    return shutil.which("node") or str(ROOT / "build" / "node" / "node")


@pytest.fixture(scope="module")
def seen(live_server_process: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser saw."""
    folder = tmp_path_factory.mktemp("browser")
    grid = from_origin(LEFT, TOP, METRES, METRES)
    given = {
        "chromium": chromium(),
        "url": live_server_process.url.rstrip("/"),
        "user": live_server_process.admin_user,
        "password": live_server_process.admin_password,
        "file": str(write_raster(folder / "slope.tif", EAST_TO_WEST, transform=grid)),
        "unplaced": str(
            write_raster(folder / "no-crs.tif", EAST_TO_WEST, crs=None, transform=grid)
        ),
        "zoom": 16,
        "places": {"left": _place(6, 32), "right": _place(58, 32), "outside": _place(90, 32)},
        "shots": str(folder),
    }
    run = subprocess.run(
        [node(), str(Path(__file__).with_name("journey.mjs")), json.dumps(given)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_an_uploaded_file_goes_from_bytes_to_map_in_its_row(seen: dict[str, Any]) -> None:
    assert "Published" in seen["upload"]["states"]
    assert seen["upload"]["address"].startswith("/products/")


def test_the_map_is_drawn_in_the_right_place_and_the_right_way_round(seen: dict[str, Any]) -> None:
    """viridis runs from (68, 1, 84) to (253, 231, 37): green grows with the value."""
    left, right, outside = (seen["drawn"][name] for name in ("left", "right", "outside"))
    assert left[3] == right[3] == 255
    assert left[1] < 70 < 180 < right[1]
    assert outside[3] == 0


def test_enter_reads_the_value_at_the_centre(seen: dict[str, Any]) -> None:
    value = float(seen["value"].removeprefix("Value "))
    assert value == pytest.approx(100 * 58 / (PIXELS - 1), abs=100 / (PIXELS - 1))


def test_a_chosen_style_is_drawn_told_and_kept_in_the_address(seen: dict[str, Any]) -> None:
    """Twice the value, 0 to 400 from black to white."""
    style = seen["style"]
    red, green, blue, alpha = style["colour"]
    assert red == green == blue
    assert red == pytest.approx(255 * 2 * 100 * 58 / (PIXELS - 1) / 400, abs=4)
    assert (alpha, style["legend"], style["search"]) == (255, "Doubled (m)", "?style=doubled")
    assert style["hash"].split("/")[1:3] == style["view"].split("/")[1:3]
    assert style["address"].endswith(".png?style=doubled")


def test_an_answer_on_the_job_page_publishes_the_map(seen: dict[str, Any]) -> None:
    assert seen["answer"] == "Published"


def test_the_copied_address_answers(seen: dict[str, Any]) -> None:
    assert seen["copied"]["text"].endswith("/1.0.0/WMTSCapabilities.xml")
    assert seen["copied"]["status"] == 200


def test_no_page_complains_in_the_console(seen: dict[str, Any]) -> None:
    """Violations of the content security policy are such complaints."""
    assert seen["complaints"] == []


def test_no_page_breaks_a_rule_of_accessibility(seen: dict[str, Any]) -> None:
    assert [page for page in seen["pages"] if page["violations"]] == []
    assert len(seen["pages"]) == 3 * 18 + 2


def test_no_page_scrolls_sideways(seen: dict[str, Any]) -> None:
    assert [page for page in seen["pages"] if page["overflow"] > 0] == []


def test_without_scripts_the_picture_and_the_addresses_are_there(seen: dict[str, Any]) -> None:
    assert seen["withoutScripts"] == {
        "picture": True, "address": True, "python": True, "tools": False,
    }  # fmt: skip

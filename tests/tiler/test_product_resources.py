"""What belongs to a product beside its tiles, over HTTP."""

from __future__ import annotations

import pytest
from rasterio.warp import transform

from tests.tiler.conftest import picture
from tiler.descriptions import unscaled


def place_of(refs, column: int, row: int) -> str:
    a, _, c, _, e, f = refs["p"].transform
    x, y = c + a * (column + 0.5), f + e * (row + 0.5)
    (lon,), (lat,) = transform("EPSG:32633", "EPSG:4326", [x], [y])
    return f"{lon},{lat}"


def test_tilejson_leads_to_tiles(client) -> None:
    document = client.get("/tiles/c/p/tilejson.json").json()
    (template,) = document["tiles"]
    assert template.startswith("http://127.0.0.1:8000/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}")
    assert document["minzoom"] <= document["maxzoom"]
    assert len(document["bounds"]) == 4


def test_info_has_rio_tilers_members(client) -> None:
    info = client.get("/tiles/c/p/info").json()
    assert info["dtype"] == "int16"
    assert info["width"] == 400
    assert info["nodata_value"] == 0
    assert info["band_metadata"] == [["b1", {}]]


def test_statistics_are_the_catalogues(client) -> None:
    band = client.get("/tiles/c/p/statistics").json()["b1"]
    assert (band["min"], band["max"], band["valid_pixels"]) == (1, 120, 119_000)
    assert band["masked_pixels"] == 1_000
    assert band["valid_percent"] == 99.17
    assert band["histogram"] == [[5, 6], [1.0, 60.0, 120.0]]


def test_unscaled_statistics_are_scaled_as_values_are(client) -> None:
    band = client.get("/tiles/c/scaled/statistics?unscale=true").json()["b1"]
    assert (band["min"], band["max"], band["mean"]) == (10.5, 70.0, 40.25)
    assert band["std"] == pytest.approx(17.3)
    assert (band["percentile_2"], band["percentile_98"]) == (11.5, 69.0)
    assert band["histogram"] == [[5, 6], [10.5, 40.0, 70.0]]
    assert band["sum"] == pytest.approx(40.25 * 119_000)
    assert client.get("/tiles/c/scaled/statistics").json()["b1"]["max"] == 120


def test_a_scale_below_zero_turns_the_statistics_round(refs) -> None:
    turned = unscaled(refs["p"].bands[0].statistics, -2.0, 0.0)
    assert (turned.min, turned.max, turned.std) == (-240.0, -2.0, 69.2)
    assert (turned.percentile_2, turned.percentile_98) == (-236.0, -6.0)
    assert (turned.histogram_counts, turned.histogram_edges) == ((6, 5), (-240.0, -120.0, -2.0))


def test_a_point_has_the_value_of_its_pixel(client, refs) -> None:
    answer = client.get(f"/tiles/c/p/point/{place_of(refs, 30, 2)}").json()
    assert answer["values"] == [(2 * 400 + 30) % 120 + 1]
    assert answer["band_names"] == ["b1"]


def test_unscale_applies_scale_and_offset(client, refs) -> None:
    url = f"/tiles/c/scaled/point/{place_of(refs, 30, 2)}"
    stored = client.get(url).json()["values"][0]
    assert client.get(f"{url}?unscale=true").json()["values"] == [stored * 0.5 + 10]


@pytest.mark.parametrize(("place", "status", "code"), [
    ("0,0", 404, "outside_raster"), ("a,b", 400, "invalid_point"), ("nan,0", 400, "invalid_point"),
    ("0,95", 400, "invalid_point"),
])  # fmt: skip
def test_a_point_elsewhere_is_refused(client, place, status, code) -> None:
    answer = client.get(f"/tiles/c/p/point/{place}")
    assert answer.status_code == status
    assert answer.json()["code"] == code


@pytest.mark.parametrize(("query", "size"), [
    ("", (300, 400)), ("?max_size=100", (75, 100)), ("?width=80", (60, 80)),
    ("?height=30", (30, 40)), ("?width=20&height=10", (10, 20)),
])  # fmt: skip
def test_a_preview_keeps_its_proportions(client, query, size) -> None:
    assert picture(client.get(f"/tiles/c/p/preview.png{query}").content).shape[:2] == size


@pytest.mark.parametrize("query", ["width=20000", "max_size=9999", "height=0"])
def test_a_preview_has_a_largest_size(client, query) -> None:
    answer = client.get(f"/tiles/c/p/preview.png?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_parameter"


def test_the_legend_comes_as_picture_and_as_data(client) -> None:
    assert picture(client.get("/tiles/c/p/legend.png").content).shape[1] == 220
    legend = client.get("/tiles/c/p/legend.json").json()
    assert (legend["min"], legend["max"], legend["unit"]) == (0, 120, "m")
    assert legend["entries"][0] == {"value": 0.0, "label": "0", "color": "#440154"}


@pytest.mark.parametrize("what", ["preview.png", "legend.png", "legend.json", "tilejson.json"])
def test_a_style_is_asked_for_by_name(client, what) -> None:
    plain, grey = (client.get(f"/tiles/c/p/{what}{query}") for query in ("", "?style=grey"))
    assert (plain.status_code, grey.status_code) == (200, 200)
    assert plain.content != grey.content
    assert plain.headers["etag"] != grey.headers["etag"]
    unknown = client.get(f"/tiles/c/p/{what}?style=other")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_style")


def test_the_template_of_a_tilejson_keeps_the_style(client) -> None:
    document = client.get("/tiles/c/p/tilejson.json?style=grey").json()
    assert "/{z}/{x}/{y}.png?style=grey&v=" in document["tiles"][0]
    assert document["legend"].endswith("/legend.png?style=grey")

"""XYZ tiles over HTTP."""

from __future__ import annotations

import pytest

from tests.tiler.conftest import picture


@pytest.mark.parametrize(("extension", "media_type"), [
    ("png", "image/png"), ("jpg", "image/jpeg"), ("webp", "image/webp"),
    ("tif", "image/tiff; application=geotiff"), ("npy", "application/x-binary"),
])  # fmt: skip
def test_a_tile_comes_in_every_format(client, tile, extension, media_type) -> None:
    z, x, y = tile
    answer = client.get(f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.{extension}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type


def test_both_names_give_the_same_tile(client, tile) -> None:
    bodies = {
        client.get(f"/tiles/c/p/{name}/{tile[0]}/{tile[1]}/{tile[2]}.png").content
        for name in ("WebMercatorQuad", "GoogleMapsCompatible")
    }
    assert len(bodies) == 1


def test_twice_the_pixels_at_2x(client, tile) -> None:
    z, x, y = tile
    body = client.get(f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}@2x.png").content
    assert picture(body).shape == (512, 512, 4)


@pytest.mark.parametrize(
    ("extension", "status"), [("png", 200), ("webp", 200), ("jpg", 204), ("npy", 204)]
)
def test_outside_the_data_a_tile_is_empty_and_no_error(client, extension, status) -> None:
    answer = client.get(f"/tiles/c/p/WebMercatorQuad/5/0/0.{extension}")
    assert answer.status_code == status
    if status == 200:
        assert not picture(answer.content)[..., 3].any()


@pytest.mark.parametrize(("path", "status", "code"), [
    ("c/p/WorldCRS84Quad/0/0/0.png", 404, "unknown_tile_matrix_set"),
    ("c/p/WebMercatorQuad/2/4/0.png", 400, "invalid_tile"),
    ("c/p/WebMercatorQuad/31/0/0.png", 400, "invalid_tile"),
    ("c/p/WebMercatorQuad/a/0/0.png", 400, "invalid_tile"),
    ("c/p/WebMercatorQuad/0/-1/0.png", 400, "invalid_tile"),
    ("c/p/WebMercatorQuad/0/0/0.bmp", 404, "unknown_format"),
    ("c/p/WebMercatorQuad/0/0/0.png?style=other", 404, "unknown_style"),
    ("c/absent/WebMercatorQuad/0/0/0.png", 404, "not_found"),
    ("c/gone/WebMercatorQuad/0/0/0.png", 410, "gone"),
])  # fmt: skip
def test_a_wrong_address_is_a_problem_document(client, path, status, code) -> None:
    answer = client.get(f"/tiles/{path}")
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_wrong_credentials_are_401(client) -> None:
    answer = client.get(
        "/tiles/c/p/WebMercatorQuad/0/0/0.png", headers={"Authorization": "Bearer wrong"}
    )
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]


def test_a_known_tile_is_not_sent_again(client, tile) -> None:
    url = f"/tiles/c/p/WebMercatorQuad/{tile[0]}/{tile[1]}/{tile[2]}.png"
    first = client.get(url)
    assert first.headers["cache-control"].startswith("public")
    again = client.get(url, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert again.status_code == 304
    assert again.content == b""


def test_a_private_tile_is_kept_by_no_cache(client, tile) -> None:
    z, x, y = tile
    answer = client.get(f"/tiles/c/private/WebMercatorQuad/{z}/{x}/{y}.png")
    assert answer.headers["cache-control"] == "private, no-store"
    assert "etag" not in answer.headers


def test_head_tells_what_get_would(client, tile) -> None:
    url = f"/tiles/c/p/WebMercatorQuad/{tile[0]}/{tile[1]}/{tile[2]}.png"
    got, head = client.get(url), client.head(url)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["etag"] == got.headers["etag"]


def test_no_address_takes_a_url_or_an_expression(client) -> None:
    document = client.get("/tiles/openapi.json").json()
    names = {
        parameter["name"]
        for path in document["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", [])
    }
    assert not names & {"url", "expression", "algorithm", "histogram_bins", "src_path"}


def test_another_method_is_405_and_told_which_are_allowed(client, tile) -> None:
    z, x, y = tile
    answer = client.post(f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]

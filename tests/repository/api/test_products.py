from __future__ import annotations

import json

import pytest
from django.test import Client

from repository.models import Product
from tests.repository.conftest import MakeCollection, MakeProduct, Role

pytestmark = pytest.mark.django_db
JSON = "application/json"
STYLE = {"kind": "ramp", "bands": [1], "stretch": [[0, 10]]}


def test_a_product_tells_all_that_the_contract_names(api: Client, product: Product) -> None:
    answer = api.get("/api/products/alps/dem").json()
    named = {
        "id",
        "collection",
        "uuid",
        "title",
        "description",
        "datetime",
        "datetime_source",
        "visibility",
        "version",
        "bbox",
        "footprint",
        "crs",
        "width",
        "height",
        "transform",
        "bands",
        "assets",
    }
    assert named <= answer.keys()
    assert {"name", "dtype", "nodata", "scale", "offset", "unit", "statistics"} <= answer["bands"][
        0
    ].keys()
    assert {"min", "max", "mean", "std", "valid_count"} <= answer["bands"][0]["statistics"].keys()
    assert {"name", "role", "href", "type", "size", "sha256", "md5"} <= answer["assets"][0].keys()


def test_a_products_facts_are_those_that_were_registered(api: Client, product: Product) -> None:
    answer = api.get("/api/products/alps/dem").json()
    assert (answer["id"], answer["collection"], answer["uuid"]) == (
        "dem",
        "alps",
        str(product.uuid),
    )
    assert (answer["datetime"], answer["datetime_source"]) == ("2024-08-24T10:00:00Z", "given")
    assert (answer["bbox"], answer["crs"]) == ([10, 45, 11, 46], "EPSG:4326")
    assert answer["bands"][0]["nodata"] == "nan"


def test_a_href_leads_to_the_file(api: Client, files: object, product: Product) -> None:
    for asset in api.get("/api/products/alps/dem").json()["assets"]:
        assert files.get(asset["href"]).headers["content-length"] == str(asset["size"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("datetime=2024-08-24", 1),
        ("datetime=2024-08-23", 0),
        ("datetime=2024-08-24T10:00:00Z", 1),
        ("datetime=2024-08-24T10:00:01Z", 0),
        ("datetime=../2024-08-24", 1),
        ("datetime=2024-08-25/..", 0),
        ("datetime=2024-08-24T12:00:00+02:00", 1),
        ("bbox=9,44,12,47", 1),
        ("bbox=0,0,1,1", 0),
        ("q=dem", 1),
        ("q=xyz", 0),
        ("properties.sensor=S2A", 1),
        ("properties.sensor=S2B", 0),
        ("properties.cloud=12", 1),
        ("sortby=title", 1),
    ],
)
def test_lists_are_filtered(api: Client, make_product: MakeProduct, query: str, found: int) -> None:
    make_product(properties={"sensor": "S2A", "cloud": 12})
    for address in ("/api/products", "/api/collections/alps/products"):
        assert len(api.get(f"{address}?{query}").json()["items"]) == found


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("bbox=1,2,3", "invalid_bbox"),
        ("bbox=nan,0,1,1", "invalid_bbox"),
        ("bbox=-inf,0,inf,1", "invalid_bbox"),
        ("datetime=soon", "invalid_datetime"),
        ("datetime=2024-01-02/2024-01-01", "invalid_datetime"),
        ("datetime=0001-01-01T00:00:00%2B14:00", "invalid_datetime"),
        ("sortby=owner", "invalid_sort"),
        ("cursor=broken", "invalid_cursor"),
        ("q=%00", "invalid_field"),
        ("properties.a=%00", "invalid_field"),
        ("properties.%00=a", "invalid_field"),
        ("properties.title=%00", "invalid_field"),
        ("limit=-5", "invalid_field"),
    ],
)
def test_a_bad_query_is_400_with_its_code(api: Client, query: str, code: str) -> None:
    answer = api.get(f"/api/products?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_the_next_page_keeps_the_question(api: Client, make_product: MakeProduct) -> None:
    for n in range(3):
        make_product(f"a{n}")
    make_product("b")
    first = api.get("/api/products?q=a&limit=2&properties.visibility=public&sortby=id").json()
    second = api.get(first["next"]).json()
    assert [p["id"] for p in first["items"] + second["items"]] == ["a0", "a1", "a2", "b"][:3] or (
        [p["id"] for p in first["items"]] == ["a0", "a1"]
    )
    assert second["next"] is None


def test_links_are_below_the_public_url(
    api: Client, make_product: MakeProduct, settings: object
) -> None:
    settings.PUBLIC_URL = "https://maps.example.org"
    make_product("a")
    make_product("b")
    page = api.get("/api/products?limit=1").json()
    assert page["next"].startswith("https://maps.example.org/api/products?")
    assert page["items"][0]["links"]["tiles"].startswith("https://maps.example.org/tiles/alps/")


def test_a_change_shows_and_counts_as_a_revision(
    api: Client, product: Product, owner: Role
) -> None:
    body = {
        "title": "New",
        "description": "d",
        "datetime": "2020-01-01",
        "keywords": ["snow"],
        "properties": {"a": [1, None]},
        "licence": "CC0-1.0",
        "visibility": "private",
    }
    answer = api.patch("/api/products/alps/dem", body, JSON, headers=owner.headers)
    assert answer.status_code == 200
    changed = body | {"datetime": "2020-01-01T00:00:00Z", "datetime_source": "given"}
    assert changed.items() <= answer.json().items()
    assert Product.objects.get().revision == product.revision + 1


def test_the_style_that_is_shown_can_be_sent_back(
    api: Client, product: Product, owner: Role
) -> None:
    shown = api.get("/api/products/alps/dem").json()["style"]
    answer = api.patch("/api/products/alps/dem", {"style": shown}, JSON, headers=owner.headers)
    assert answer.json()["style"] == shown


@pytest.mark.parametrize(
    "style",
    [
        {},
        {"kind": "ramp"},
        STYLE | {"kind": "x"},
        STYLE | {"kind": []},
        STYLE | {"bands": [2]},
        STYLE | {"bands": [0]},
        STYLE | {"bands": [1, 1]},
        STYLE | {"bands": "1"},
        STYLE | {"stretch": [[1, 1]]},
        STYLE | {"stretch": [[2, 1]]},
        STYLE | {"stretch": [1]},
        STYLE | {"stretch": [["a", "b"]]},
        STYLE | {"stretch": [[0, 1], [0, 1]]},
        STYLE | {"ramp": 5},
        STYLE | {"ramp": "no such ramp"},
        STYLE | {"resampling": "cubic"},
        STYLE | {"unknown": 1},
        {"kind": "classes", "bands": [1], "classes": [{"value": 1}]},
        {"kind": "classes", "bands": [1], "classes": [{"value": 2**63, "color": [0, 0, 0, 255]}]},
        {"kind": "classes", "bands": [1], "classes": [{"value": 1, "color": [0, 0, 0]}]},
        {"kind": "classes", "bands": [1], "classes": [{"value": 1, "color": [0, 0, 0, 256]}]},
        {"kind": "rgb", "bands": [1]},
        {"kind": "rgb", "bands": [1, 2, 3]},
    ],
)
def test_a_style_that_cannot_be_drawn_is_400(
    api: Client, product: Product, owner: Role, style: object
) -> None:
    answer = api.patch("/api/products/alps/dem", {"style": style}, JSON, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"] in {"invalid_style", "invalid_field"}) == (
        400,
        True,
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"title": ""}',
        '{"title": "\\u0000"}',
        '{"title": "\\ud800"}',
        '{"datetime": "soon"}',
        '{"datetime": "2024-01-01/.."}',
        '{"properties": []}',
        '{"properties": {"a": NaN}}',
        '{"properties": {"a": 1e999}}',
        '{"properties": {"a": "\\u0000"}}',
        '{"properties": {"\\u0000": 1}}',
        '{"properties": {"a": "\\ud800"}}',
        '{"properties": {"a": "' + "x" * 70_000 + '"}}',
        '{"keywords": ["' + "x" * 101 + '"]}',
        '{"keywords": ["\\u0000"]}',
        '{"visibility": "secret"}',
        '{"state": "removed"}',
        '{"licence": "' + "x" * 201 + '"}',
        '{"style": {"kind": "ramp", "bands": [1], "stretch": [[NaN, 1]]}}',
    ],
)
def test_a_change_that_cannot_be_is_400(
    api: Client, product: Product, owner: Role, body: str
) -> None:
    answer = api.patch("/api/products/alps/dem", body, JSON, headers=owner.headers)
    assert answer.status_code == 400
    assert answer.json()["code"]


def test_a_map_in_a_private_collection_cannot_be_made_public(
    api: Client, make_collection: MakeCollection, make_product: MakeProduct, owner: Role
) -> None:
    make_product(collection=make_collection(visibility="private"), visibility="private")
    answer = api.patch(
        "/api/products/alps/dem", {"visibility": "public"}, JSON, headers=owner.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "collection_is_private")


def test_a_collections_owner_may_change_anothers_map_in_it(
    api: Client, make_product: MakeProduct, owner: Role, colleague: Role
) -> None:
    make_product(by=colleague.user)
    for role in (owner, colleague):
        answer = api.patch(
            "/api/products/alps/dem", {"title": role.name}, JSON, headers=role.headers
        )
        assert answer.json()["title"] == role.name


def test_removing_leaves_a_tombstone_that_tells_why(
    api: Client, product: Product, owner: Role
) -> None:
    answer = api.delete("/api/products/alps/dem?reason=It+was+wrong.", headers=owner.headers)
    assert answer.status_code == 204
    gone = api.get("/api/products/alps/dem")
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")
    assert "It was wrong." in gone.json()["detail"]


def test_a_removed_product_cannot_be_changed(api: Client, product: Product, owner: Role) -> None:
    api.delete("/api/products/alps/dem", headers=owner.headers)
    answer = api.patch("/api/products/alps/dem", {"title": "x"}, JSON, headers=owner.headers)
    assert answer.status_code == 410


def test_the_openapi_document_names_every_route_and_resolves(api: Client) -> None:
    document = json.loads(api.get("/api/openapi.json").content)
    assert document["openapi"].startswith("3.")
    routes = {f"{method} {path}" for path, item in document["paths"].items() for method in item}
    expected = {
        "get /api/",
        "get /api/collections",
        "post /api/collections",
        "get /api/collections/{c}",
        "patch /api/collections/{c}",
        "delete /api/collections/{c}",
        "get /api/collections/{c}/products",
        "post /api/collections/{c}/products",
        "get /api/products",
        "get /api/products/{c}/{p}",
        "patch /api/products/{c}/{p}",
        "delete /api/products/{c}/{p}",
        "post /api/imports",
        "post /api/products/{c}/{p}/reprocess",
        "get /api/jobs",
        "get /api/jobs/{job_id}",
        "post /api/jobs/{job_id}/input",
        "post /api/jobs/{job_id}/preview",
        "post /api/jobs/{job_id}/cancel",
        "post /api/jobs/{job_id}/retry",
        "get /api/tokens",
        "post /api/tokens",
        "delete /api/tokens/{token_id}",
        "get /api/styles",
        "post /api/styles",
        "get /api/styles/{style_id}.{extension}",
        *(f"{method} /api/styles/{{style_id}}" for method in ("get", "patch", "delete")),
        *(
            route
            for home in ("products/{c}/{p}", "collections/{c}")
            for route in _style_routes(f"/api/{home}/styles")
        ),
    }
    assert routes == expected
    references = set(_references(document))
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= schemas


def _style_routes(base: str) -> list[str]:
    one = [f"{method} {base}/{{name}}" for method in ("get", "put", "patch", "delete")]
    files = [f"get {base}/{{name}}.{extension}" for extension in ("qml", "sld")]
    return [f"get {base}", f"post {base}", *one, *files]


def _references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in _references(item)]
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for item in node.values() for found in _references(item)]
    return []

"""Named styles over HTTP: made, read, changed, removed, as JSON and as style files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from repository.models import Collection, Product, Style
from repository.raster_info import BandInfo
from tests.repository.conftest import MakeProduct, Role, raster_info

pytestmark = pytest.mark.django_db
JSON = "application/json"
OF_PRODUCT, OF_COLLECTION = "/api/products/alps/dem/styles", "/api/collections/alps/styles"
GREY = {"kind": "ramp", "bands": [1], "stretch": [[0, 10]], "ramp": "gray"}
STOPS = {"kind": "stops", "bands": [1], "unit": "m",
         "stops": [{"value": 0, "color": "#0000ff", "label": "sea"},
                   {"value": 9, "color": [255, 0, 0, 128]}]}  # fmt: skip
NDVI = {"kind": "ramp", "formula": "(b4 - b3) / (b4 + b3)", "stretch": [[-1, 1]]}
QML = (
    '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM"><qgis><pipe>'
    '<rasterrenderer type="singlebandpseudocolor" band="1" opacity="1"><rastershader>'
    '<colorrampshader colorRampType="INTERPOLATED" clip="0"><item value="0" color="#0000ff" '
    'alpha="255" label="low"/><item value="9" color="#ff0000" alpha="255" label="high"/>'
    '</colorrampshader></rastershader></rasterrenderer><brightnesscontrast gamma="2"/>'
    "</pipe></qgis>"
)


@pytest.fixture
def scene(make_product: MakeProduct) -> Product:
    """A product with four bands."""
    product = make_product("scene")
    bands = tuple(BandInfo(i, "uint16") for i in range(1, 5))
    raster = replace(raster_info(), bands=bands).to_json()
    Product.objects.filter(pk=product.pk).update(raster=raster)
    return product


def post(api: Client, role: Role, address: str = OF_PRODUCT, **body: Any) -> Any:
    body = {"id": "grey", "definition": GREY} | body
    return api.post(address, body, JSON, headers=role.headers)


def names(api: Client, address: str, role: Role | None = None) -> list[str]:
    answer = api.get(address, headers=role.headers if role else {})
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["items"]]


def test_a_style_is_made_and_read_again(api: Client, product: Product, owner: Role) -> None:
    answer = post(api, owner, id="height", title="Height", definition=STOPS)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["id"], made["title"], made["revision"]) == ("height", "Height", 1)
    assert made["definition"]["stops"] == [
        {"value": 0.0, "color": [0, 0, 255, 255], "label": "sea"},
        {"value": 9.0, "color": [255, 0, 0, 128], "label": ""},
    ]
    assert answer["Location"].endswith("/api/products/alps/dem/styles/height")
    read = api.get(answer["Location"]).json()
    assert read == made
    assert api.get(f"/api/styles/{made['uuid']}").json()["definition"] == made["definition"]
    assert read["links"]["tiles"].endswith("/{z}/{x}/{y}.png?style=height")


def test_what_is_shown_can_be_sent_back(api: Client, product: Product, owner: Role) -> None:
    shown = post(api, owner, definition=STOPS).json()["definition"]
    answer = api.put(f"{OF_PRODUCT}/again", {"definition": shown}, JSON, headers=owner.headers)
    assert (answer.status_code, answer.json()["definition"]) == (201, shown)


def test_a_product_offers_its_default_its_own_and_its_collections_that_fit(
    api: Client, product: Product, scene: Product, owner: Role
) -> None:
    post(api, owner, OF_COLLECTION, id="ndvi", definition=NDVI)
    post(api, owner, OF_COLLECTION, id="grey")
    post(api, owner, id="own", definition=STOPS)
    assert names(api, OF_PRODUCT) == ["default", "grey", "own"]
    assert names(api, "/api/products/alps/scene/styles") == ["default", "grey", "ndvi"]
    assert names(api, OF_COLLECTION) == ["grey", "ndvi"]
    assert names(api, "/api/styles") == ["grey", "ndvi", "own"]


def test_a_products_own_style_counts_before_its_collections(
    api: Client, product: Product, owner: Role
) -> None:
    post(api, owner, OF_COLLECTION)
    post(api, owner, definition=STOPS)
    items = api.get(OF_PRODUCT).json()["items"]
    assert [(item["id"], item["definition"]["kind"]) for item in items[1:]] == [("grey", "stops")]


def test_lists_are_paged(api: Client, product: Product, owner: Role) -> None:
    for name in ("a", "b", "c"):
        post(api, owner, id=name)
    first = api.get("/api/styles?limit=2").json()
    second = api.get(first["next"]).json()
    assert [i["id"] for i in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None
    assert api.get("/api/styles?cursor=broken").json()["code"] == "invalid_cursor"


def test_put_makes_and_replaces(api: Client, product: Product, owner: Role) -> None:
    address = f"{OF_PRODUCT}/grey"
    made = api.put(address, {"definition": GREY}, JSON, headers=owner.headers)
    again = api.put(address, {"definition": STOPS}, JSON, headers=owner.headers)
    assert (made.status_code, again.status_code) == (201, 200)
    assert (again.json()["definition"]["kind"], again.json()["revision"]) == ("stops", 2)


def test_a_title_changes_alone(api: Client, product: Product, owner: Role) -> None:
    post(api, owner)
    answer = api.patch(f"{OF_PRODUCT}/grey", {"title": "Grey"}, JSON, headers=owner.headers)
    assert (answer.json()["title"], answer.json()["definition"]["ramp"]) == ("Grey", "gray")


def test_a_removed_style_is_gone(api: Client, product: Product, owner: Role) -> None:
    post(api, owner)
    assert api.delete(f"{OF_PRODUCT}/grey", headers=owner.headers).status_code == 204
    answer = api.get(f"{OF_PRODUCT}/grey")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_style")


def test_one_library_is_its_owners(api: Client, owner: Role, stranger: Role) -> None:
    made = post(api, owner, "/api/styles").json()
    assert (made["collection"], made["product"]) == (None, None)
    assert post(api, stranger, "/api/styles").status_code == 201
    address = f"/api/styles/{made['uuid']}"
    assert api.get(address, headers=stranger.headers).status_code == 404
    assert names(api, "/api/styles", owner) == ["grey"]
    assert names(api, "/api/styles") == []
    changed = api.patch(address, {"definition": STOPS}, JSON, headers=owner.headers)
    assert changed.json()["definition"]["kind"] == "stops"
    assert api.delete(address, headers=owner.headers).status_code == 204


def test_the_flat_address_takes_the_place_in_the_body(
    api: Client, product: Product, owner: Role
) -> None:
    answer = post(api, owner, "/api/styles", collection="alps", product="dem")
    assert (answer.status_code, answer.json()["product"]) == (201, "dem")
    assert post(api, owner, "/api/styles", collection="alps").json()["collection"] == "alps"
    assert post(api, owner, "/api/styles", product="dem").status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"definition": GREY | {"bands": [2]}}, 400, "invalid_style"),
        ({"definition": NDVI}, 400, "invalid_style"),
        ({"definition": NDVI | {"formula": "b1 +"}}, 400, "invalid_formula"),
        ({"definition": GREY | {"kind": "heat"}}, 400, "invalid_field"),
        ({"definition": STOPS | {"stops": []}}, 400, "invalid_style"),
        ({"definition": None}, 400, "invalid_field"),
        ({"id": "default"}, 400, "invalid_id"),
        ({"id": "A b"}, 400, "invalid_id"),
        ({"id": "a.qml"}, 400, "invalid_id"),
        ({"colour": "red"}, 400, "invalid_field"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    api: Client, product: Product, owner: Role, body: dict[str, Any], status: int, code: str
) -> None:
    answer = post(api, owner, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_taken_name_is_a_conflict(api: Client, product: Product, owner: Role) -> None:
    post(api, owner)
    answer = post(api, owner)
    assert (answer.status_code, answer.json()["code"]) == (409, "style_exists")


def test_too_many_styles(
    api: Client, product: Product, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.styles.MAX_STYLES", 1)
    post(api, owner)
    assert post(api, owner, id="second").json()["code"] == "too_many_styles"


def test_who_may_not_change_the_map_may_not_change_its_styles(
    api: Client, product: Product, owner: Role, stranger: Role, anonymous: Role
) -> None:
    post(api, owner)
    for role, status in ((stranger, 403), (anonymous, 401)):
        assert post(api, role, id="mine").status_code == status
        assert post(api, role, OF_COLLECTION).status_code == status
        address = f"{OF_PRODUCT}/grey"
        for method in (api.put, api.patch):
            body = {"definition": STOPS}
            answer = method(address, body, JSON, headers=role.headers)
            assert answer.status_code == status
        assert api.delete(address, headers=role.headers).status_code == status
    assert Style.objects.get().revision == 1


def test_styles_of_a_private_map_are_absent_for_others(
    api: Client, make_product: MakeProduct, owner: Role, stranger: Role
) -> None:
    make_product(visibility="private")
    made = post(api, owner).json()
    for address in (OF_PRODUCT, f"{OF_PRODUCT}/grey", f"{OF_PRODUCT}/grey.qml",
                    f"/api/styles/{made['uuid']}", f"/api/styles/{made['uuid']}.qml"):  # fmt: skip
        assert api.get(address, headers=owner.headers).status_code == 200, address
        assert api.get(address, headers=stranger.headers).status_code == 404, address
        assert api.get(address).status_code == 404, address
    assert names(api, "/api/styles", stranger) == []


def test_styles_of_a_private_collection_are_absent_for_others(
    api: Client, collection: Collection, owner: Role, stranger: Role
) -> None:
    made = post(api, owner, OF_COLLECTION).json()
    Collection.objects.update(visibility="private")
    assert api.get(f"/api/styles/{made['uuid']}", headers=stranger.headers).status_code == 404
    assert names(api, "/api/styles", stranger) == []
    assert names(api, "/api/styles", owner) == ["grey"]


def test_a_removed_map_takes_its_styles_out_of_sight(
    api: Client, product: Product, owner: Role
) -> None:
    made = post(api, owner).json()
    api.delete("/api/products/alps/dem", headers=owner.headers)
    assert api.get(f"/api/styles/{made['uuid']}", headers=owner.headers).status_code == 404
    assert api.delete("/api/collections/alps", headers=owner.headers).status_code == 204
    assert not Style.objects.exists()


def choose(api: Client, role: Role, name: str, product: str = "dem") -> Any:
    return api.patch(f"/api/products/alps/{product}", {"style": name}, JSON, headers=role.headers)


def test_the_default_is_chosen_by_name_and_follows(
    api: Client, product: Product, owner: Role
) -> None:
    post(api, owner)
    answer = choose(api, owner, "grey")
    assert (answer.status_code, answer.json()["style"]["ramp"]) == (200, "gray")
    before = Product.objects.get().revision
    api.put(f"{OF_PRODUCT}/grey", {"definition": STOPS}, JSON, headers=owner.headers)
    row = Product.objects.get()
    assert (row.style["kind"], row.style["name"], row.revision) == ("stops", "grey", before + 1)
    assert [i["is_default"] for i in api.get(OF_PRODUCT).json()["items"]] == [True, True]
    api.delete(f"{OF_PRODUCT}/grey", headers=owner.headers)
    assert (Product.objects.get().style["kind"], Product.objects.get().style["name"]) == (
        "stops", "default",
    )  # fmt: skip


def test_products_follow_their_collections_style_if_they_can(
    api: Client, product: Product, scene: Product, owner: Role
) -> None:
    post(api, owner, OF_COLLECTION)
    for name in ("dem", "scene"):
        assert choose(api, owner, "grey", name).status_code == 200
    body = {"definition": NDVI}
    api.put(f"{OF_COLLECTION}/grey", body, JSON, headers=owner.headers)
    assert Product.objects.get(slug="scene").style["formula"] == NDVI["formula"]
    assert Product.objects.get(slug="dem").style["ramp"] == "gray", "it lacks the bands"


def test_a_style_that_a_product_does_not_offer_is_no_default(
    api: Client, product: Product, owner: Role
) -> None:
    assert choose(api, owner, "absent").json()["code"] == "unknown_style"


@pytest.mark.parametrize("way", ["form", "body"])
def test_a_qgis_style_is_imported(api: Client, product: Product, owner: Role, way: str) -> None:
    if way == "form":
        files = {"file": SimpleUploadedFile("Old Heights.qml", QML.encode())}
        answer = api.post(OF_PRODUCT, files, headers=owner.headers)
        assert answer.json()["id"] == "old-heights"
        assert answer.json()["title"] == "Old Heights"
    else:
        address = f"{OF_PRODUCT}?id=old"
        answer = api.post(address, QML, "application/xml", headers=owner.headers)
        assert answer.json()["id"] == "old"
    assert answer.status_code == 201
    assert answer.json()["definition"]["stops"][1]["label"] == "high"
    assert answer.json()["warnings"] == ["Brightness, contrast and gamma are not kept."]


def test_a_style_file_replaces_a_style(api: Client, product: Product, owner: Role) -> None:
    post(api, owner)
    answer = api.put(f"{OF_PRODUCT}/grey", QML, "text/xml", headers=owner.headers)
    assert (answer.status_code, answer.json()["definition"]["kind"]) == (200, "stops")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        ("<qgis/>", "application/xml", 400, "invalid_style"),
        ("no xml", "application/xml", 400, "invalid_style"),
        (" ", "application/xml", 400, "empty_file"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "application/xml", 400, "invalid_style"),
        (QML.replace('band="1"', 'band="7"'), "application/xml", 400, "invalid_style"),
        (" " * (4 * 2**20 + 1), "application/xml", 413, "too_large"),
        ("a,b", "text/csv", 415, "wrong_media_type"),
        ("{", "application/json", 400, "invalid_field"),
    ],
)
def test_what_is_no_style_file_is_refused(
    api: Client, product: Product, owner: Role, content: str, kind: str, status: int, code: str
) -> None:
    answer = api.post(OF_PRODUCT, content, kind, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("extension", ["qml", "sld"])
def test_styles_are_given_out_as_files(
    api: Client, product: Product, owner: Role, extension: str
) -> None:
    made = post(api, owner, definition=STOPS).json()
    for address in (made["links"][extension], f"{OF_PRODUCT}/default.{extension}",
                    f"/api/styles/{made['uuid']}.{extension}"):  # fmt: skip
        answer = api.get(address)
        assert answer.status_code == 200, address
        assert f'.{extension}"' in answer["Content-Disposition"]
        again = api.post(f"{OF_PRODUCT}?title=x", answer.content, "application/xml",
                         headers=owner.headers)  # fmt: skip
        assert again.status_code == 201
        assert api.delete(again["Location"], headers=owner.headers).status_code == 204


def test_styles_of_collections_are_files_too(
    api: Client, collection: Collection, owner: Role
) -> None:
    links = post(api, owner, OF_COLLECTION).json()["links"]
    assert b"singlebandpseudocolor" in api.get(links["qml"]).content
    assert b"ColorMapEntry" in api.get(links["sld"]).content


def test_a_formula_is_in_no_style_file(api: Client, scene: Product, owner: Role) -> None:
    address = "/api/products/alps/scene/styles"
    post(api, owner, address, id="ndvi", definition=NDVI)
    answer = api.get(f"{address}/ndvi.qml")
    assert (answer.status_code, answer.json()["code"]) == (400, "style_not_expressible")
    assert api.get(f"/api/styles/{Style.objects.get().pk}.doc").status_code == 404

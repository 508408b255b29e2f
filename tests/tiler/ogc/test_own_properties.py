"""Properties that owners gave to their products: found, typed and bounded."""

from __future__ import annotations

import pytest

from tests.tiler.ogc.conftest import Catalogue, Ogc
from tests.tiler.ogc.making import MOMENT
from tests.tiler.ogc.test_app import ids

pytestmark = pytest.mark.services


def test_the_types_of_properties_are_those_of_json(catalogue: Catalogue, ogc: Ogc) -> None:
    sea = catalogue.collection("sea")
    catalogue.product(
        sea, "a", properties={"of": 1, "list": [1], "map": {}, "no": None, "is": True}
    )
    catalogue.product(sea, "b", properties={"of": "a kind", "no": None, "100%": 1})
    catalogue.product(sea, "c")
    properties = ogc.json("/collections/sea/queryables")["properties"]
    own = {name: properties[name]["type"] for name in ("of", "list", "map", "no", "is", "100%")}
    assert own == {"of": "string", "list": "array", "map": "object", "no": "string",
                   "is": "boolean", "100%": "number"}  # fmt: skip


def test_properties_of_what_is_not_seen_are_not_named(catalogue: Catalogue, ogc: Ogc) -> None:
    sea = catalogue.collection("sea")
    catalogue.product(sea, "secret", visibility="private", properties={"depth": 5})
    assert "depth" not in ogc.json("/collections/sea/queryables")["properties"]
    headers = catalogue.headers(catalogue.owner)
    assert "depth" in ogc.json("/collections/sea/queryables", **headers)["properties"]


def test_an_unknown_parameter_reads_a_bounded_number_of_products(
    catalogue: Catalogue, ogc: Ogc, monkeypatch: pytest.MonkeyPatch
) -> None:
    sea = catalogue.collection("sea")
    old, new = MOMENT.replace(year=2001), MOMENT.replace(year=2002)
    catalogue.product(sea, "old", start=old, end=old, properties={"ship": "A", "port": "B"})
    catalogue.product(sea, "new", start=new, end=new, properties={"ship": "A"})
    monkeypatch.setattr("tiler.ogc.resources.PROPERTY_PRODUCTS", 1)
    assert ids(ogc.json("/collections/sea/items?ship=A")) == ["new", "old"]
    assert ids(ogc.json("/collections/sea/items?port=B")) == ["old"]
    shown = ogc.json("/collections/sea/items?properties=port")["features"]
    assert [feature["properties"] for feature in shown] == [{}, {"port": "B"}]
    assert "port" not in ogc.json("/collections/sea/queryables")["properties"]
    for unknown in ("boat=A", "%00=A"):
        assert ogc.get(f"/collections/sea/items?{unknown}").status_code == 400

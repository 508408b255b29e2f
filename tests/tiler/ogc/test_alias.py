"""The second address of OGC API, for clients that look at its end."""

from __future__ import annotations

import pytest

from tests.tiler.ogc.conftest import Catalogue, Ogc

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    "path", ["", "/", "/conformance", "/collections", "/collections/rivers/items/elbe"]
)
def test_the_address_that_arcgis_wants_answers_as_the_other_does(
    catalogue: Catalogue, ogc: Ogc, path: str
) -> None:
    catalogue.product(catalogue.collection("rivers"), "elbe")
    alias = ogc.get(f"/OGCFeatureServer{path}")
    assert (alias.status_code, alias.content) == (200, ogc.get(path).content)
    assert ogc.get(f"/OGCFeatureServerX{path}").status_code == 404

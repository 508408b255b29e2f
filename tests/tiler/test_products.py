"""The tile server's door to the real catalogue: whose layers a list shows."""

from __future__ import annotations

import pytest

from tests.tiler.ogc.conftest import Catalogue, catalogue
from tiler.products import Caller, list_layers

pytestmark = pytest.mark.services
__all__ = ["catalogue"]  # a fixture

PUBLIC = Caller(None, {})


def test_a_list_shows_what_its_caller_may_see_newest_first(catalogue: Catalogue) -> None:
    rivers = catalogue.collection("rivers")
    catalogue.product(rivers, "elbe")
    catalogue.product(rivers, "oder", visibility="private")
    owner = Caller(catalogue.headers(catalogue.owner)["Authorization"], {})
    assert [layer.product for layer in list_layers(PUBLIC).items] == ["elbe"]
    assert {layer.product for layer in list_layers(owner, "rivers").items} == {"elbe", "oder"}
    assert (list_layers(PUBLIC).is_public, list_layers(owner).is_public) == (True, False)


def test_a_list_that_is_cut_says_so(
    catalogue: Catalogue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rivers = catalogue.collection("rivers")
    for name in ("elbe", "oder"):
        catalogue.product(rivers, name)
    monkeypatch.setattr("tiler.products.MAX_LAYERS", 1)
    layers = list_layers(PUBLIC, "rivers")
    assert (len(layers.items), layers.is_cut, layers.title) == (1, True, "Rivers")

"""Named styles as the tile server finds them: through policy, and new as soon as they change."""

from __future__ import annotations

from typing import Any

import pytest

from repository import styles
from repository.authentication import principal_of_user
from repository.errors import NotFound
from repository.models import Product, Style
from repository.rendering_style import RenderingStyle
from repository.styles import NewStyle
from tests.tiler.ogc.conftest import Catalogue, catalogue
from tiler.products import Caller, find_product, list_layers, offered_styles

pytestmark = pytest.mark.services
__all__ = ["catalogue"]  # a fixture

PUBLIC = Caller(None, {})
DEFAULT = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 255),)).to_json()
GREY = {"kind": "ramp", "bands": [1], "stretch": [[0, 9]], "ramp": "gray"}
INDEX = {"kind": "ramp", "formula": "b9 / b1", "stretch": [[0, 1]]}


def add(catalogue: Catalogue, home: Any, name: str, definition: dict[str, Any] = GREY) -> Style:
    return styles.create(principal_of_user(catalogue.owner), home, NewStyle(name, definition))


@pytest.fixture
def elbe(catalogue: Catalogue) -> Product:
    return catalogue.product(catalogue.collection("rivers"), "elbe", style=DEFAULT)


def test_a_style_of_the_product_or_of_its_collection(catalogue: Catalogue, elbe: Product) -> None:
    add(catalogue, elbe.collection, "grey", GREY | {"ramp": "bone"})
    assert find_product(PUBLIC, "rivers", "elbe", "grey").style.ramp == "bone"
    add(catalogue, elbe, "grey")
    ref = find_product(PUBLIC, "rivers", "elbe", "grey")
    assert (ref.style.ramp, ref.style.name) == ("gray", "grey"), "its own counts"
    assert find_product(PUBLIC, "rivers", "elbe").style.ramp == "viridis"
    assert find_product(PUBLIC, "rivers", "elbe@1", "grey").style.ramp == "gray"


def test_a_changed_style_is_another_drawing_at_once(catalogue: Catalogue, elbe: Product) -> None:
    style = add(catalogue, elbe, "grey")
    before = find_product(PUBLIC, "rivers", "elbe", "grey").style.digest
    styles.change(principal_of_user(catalogue.owner), style, definition=GREY | {"ramp": "bone"})
    after = find_product(PUBLIC, "rivers", "elbe", "grey").style
    assert (after.ramp, after.digest != before) == ("bone", True)
    styles.remove(principal_of_user(catalogue.owner), style)
    with pytest.raises(NotFound) as refused:
        find_product(PUBLIC, "rivers", "elbe", "grey")
    assert refused.value.code == "unknown_style"


@pytest.mark.parametrize("name", ["absent", "index", "library", "", "\0", "a" * 500])
def test_an_unknown_style_is_not_found(catalogue: Catalogue, elbe: Product, name: str) -> None:
    add(catalogue, elbe.collection, "index", INDEX)
    add(catalogue, None, "library")
    with pytest.raises(NotFound) as refused:
        find_product(PUBLIC, "rivers", "elbe", name)
    assert refused.value.code == "unknown_style"


def test_a_private_map_in_a_style_is_its_owners(catalogue: Catalogue) -> None:
    rivers = catalogue.collection("rivers")
    elbe = catalogue.product(rivers, "elbe", style=DEFAULT, visibility="private")
    add(catalogue, elbe, "grey")
    owner = Caller(catalogue.headers(catalogue.owner)["Authorization"], {})
    assert not find_product(owner, "rivers", "elbe", "grey").is_public
    with pytest.raises(NotFound) as refused:
        find_product(PUBLIC, "rivers", "elbe", "grey")
    assert refused.value.code == "not_found", "as if there were no map"


def test_layers_list_what_they_offer(catalogue: Catalogue, elbe: Product) -> None:
    catalogue.product(elbe.collection, "oder", style=DEFAULT)
    before = {layer.product: layer.stamp for layer in list_layers(PUBLIC).items}
    add(catalogue, elbe, "own")
    add(catalogue, elbe.collection, "index", INDEX)
    named = {layer.product: layer.styles for layer in list_layers(PUBLIC, "rivers").items}
    assert named == {"elbe": (("own", ""),), "oder": ()}
    add(catalogue, elbe.collection, "grey", GREY | {"title": "Grey"})
    layers = {layer.product: layer for layer in list_layers(PUBLIC).items}
    assert layers["oder"].styles == (("grey", "Grey"),)
    assert layers["elbe"].styles == (("grey", "Grey"), ("own", ""))
    assert all(layers[name].stamp != stamp for name, stamp in before.items())
    ref = find_product(PUBLIC, "rivers", "elbe")
    assert offered_styles(PUBLIC, ref) == layers["elbe"].styles

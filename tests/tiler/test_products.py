"""The tile server's door to the real catalogue: which version is drawn, whose layers are listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repository import catalogue as reads
from repository.errors import NotFound
from repository.models import Asset, BlockIndex, Product
from repository.policy import visible_to
from repository.principal import Principal
from repository.rendering_style import RenderingStyle
from tests.tiler.ogc.conftest import Catalogue, catalogue
from tiler import products
from tiler.products import Caller, find_product, list_layers

pytestmark = pytest.mark.services
__all__ = ["catalogue"]  # a fixture

PUBLIC = Caller(None, {})
STYLE = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 255),)).to_json()


def next_version(product: Product) -> None:
    """A second version of other pixels, a row lower, as one commit makes it."""
    first = Asset.objects.get(product=product)
    Asset.objects.filter(product=product).update(raster=product.raster)
    Asset.objects.create(
        product=product, version=2, role="data", file_name=first.file_name, size=1,
        key=first.key.replace("elbe.tif", "elbe-2.tif"), media_type="image/tiff",
        sha256=first.sha256, md5="",
    )  # fmt: skip
    raster = {**product.raster, "height": product.raster["height"] - 1}
    Product.objects.filter(pk=product.pk).update(version=2, revision=2, raster=raster)


def test_a_version_that_comes_between_two_reads_is_not_mixed_with_the_last_one(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe", style=STYLE)
    read = reads.find_product

    def read_late(*arguments: Any) -> Product:
        monkeypatch.setattr(reads, "find_product", read)
        next_version(product)
        return read(*arguments)

    monkeypatch.setattr(reads, "find_product", read_late)
    for _ in range(2):
        ref = find_product(PUBLIC, "rivers", "elbe")
        assert (ref.version, ref.revision, ref.height) == (2, 2, product.raster["height"] - 1)
        assert ref.gdal_path.endswith("elbe-2.tif")


def test_a_map_comes_with_its_block_index_and_without_it(catalogue: Catalogue) -> None:
    rivers = catalogue.collection("rivers")
    elbe = catalogue.product(rivers, "elbe", style=STYLE)
    catalogue.product(rivers, "oder", style=STYLE)
    BlockIndex.objects.create(asset=Asset.objects.get(product=elbe), packed=b"RBI1 ...")
    assert find_product(PUBLIC, "rivers", "elbe").block_index == b"RBI1 ..."
    assert find_product(PUBLIC, "rivers", "oder").block_index == b""


def test_large_block_indexes_do_not_fill_the_memory(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "MAX_INDEX_BYTES", 2_500)
    rivers = catalogue.collection("rivers")
    for name in ("elbe", "oder", "rhine", "elbe"):
        if not Product.objects.filter(slug=name).exists():
            asset = Asset.objects.get(product=catalogue.product(rivers, name, style=STYLE))
            BlockIndex.objects.create(asset=asset, packed=bytes(1_000))
        find_product(PUBLIC, "rivers", name)
    kept = [ref for ref in products._known._refs.values() if ref.collection == "rivers"]
    assert [ref.product for ref in kept if ref.block_index] == ["rhine", "elbe"]
    assert products._known._index_bytes == 2_000


def test_a_block_index_is_seen_by_who_sees_the_map(catalogue: Catalogue) -> None:
    elbe = catalogue.product(catalogue.collection("rivers"), "elbe", visibility="private")
    BlockIndex.objects.create(asset=Asset.objects.get(product=elbe), packed=b"RBI1 ...")
    anonymous, owner = Principal(), Principal(user_id=catalogue.owner.pk)
    assert not visible_to(anonymous, BlockIndex.objects.all()).exists()
    assert visible_to(owner, BlockIndex.objects.all()).exists()
    Product.objects.update(state="removed")
    assert not visible_to(owner, BlockIndex.objects.all()).exists()


def test_a_superseded_version_is_drawn_from_its_own_pixels(catalogue: Catalogue) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe", style=STYLE)
    height = product.raster["height"]
    assert find_product(PUBLIC, "rivers", "elbe@1").height == height
    next_version(product)
    for _ in range(2):
        found = [find_product(PUBLIC, "rivers", name) for name in ("elbe@1", "elbe@2", "elbe")]
        assert [(r.version, r.height, Path(r.gdal_path).name) for r in found] == [
            (1, height, "elbe.tif"), (2, height - 1, "elbe-2.tif"), (2, height - 1, "elbe-2.tif"),
        ]  # fmt: skip


@pytest.mark.parametrize("number", ["0", "3", "01", "-1", "", "two", "1" * 5000, "\u0661"])
def test_a_version_that_was_never_given_is_not_found(catalogue: Catalogue, number: str) -> None:
    next_version(catalogue.product(catalogue.collection("rivers"), "elbe", style=STYLE))
    with pytest.raises(NotFound) as refused:
        find_product(PUBLIC, "rivers", f"elbe@{number}")
    assert refused.value.code == "unknown_version"


def test_a_superseded_version_of_a_private_map_is_its_owners(catalogue: Catalogue) -> None:
    rivers = catalogue.collection("rivers")
    next_version(catalogue.product(rivers, "elbe", style=STYLE, visibility="private"))
    owner = Caller(catalogue.headers(catalogue.owner)["Authorization"], {})
    assert not find_product(owner, "rivers", "elbe@1").is_public
    with pytest.raises(NotFound):
        find_product(PUBLIC, "rivers", "elbe@1")


def test_a_superseded_version_with_other_bands_is_not_drawn_wrongly(catalogue: Catalogue) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe", style=STYLE)
    next_version(product)
    bands = product.raster["bands"]
    Asset.objects.filter(product=product, version=1).update(
        raster={**product.raster, "bands": bands + bands}
    )
    with pytest.raises(NotFound) as refused:
        find_product(PUBLIC, "rivers", "elbe@1")
    assert refused.value.code == "no_pixels"


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

"""Styles in the portal, without scripts: chosen by everybody, added by the owner."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from repository import styles
from repository.models import Product, Style
from repository.styles import NewStyle
from tests.repository.api.test_styles import QML
from tests.repository.conftest import Role
from tests.repository.portal.conftest import SignedIn

pytestmark = pytest.mark.django_db

PAGE, STYLES = "/products/alps/dem", "/products/alps/dem/styles"
GREY = {"kind": "ramp", "bands": [1], "stretch": [[0, 10]], "ramp": "gray", "title": "Greys"}
FORM = {
    "new-title": "Steep", "new-name": "", "new-formula": "b1 * 2", "new-low": "0",
    "new-high": "20", "new-ramp": "magma", "new-is_reversed": "on", "new-unit": "m",
}  # fmt: skip


@pytest.fixture
def grey(product: Product, owner: Role) -> Style:
    return styles.create(owner.principal, product, NewStyle("grey", GREY))


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_chosen_style_is_in_the_map_the_legend_and_every_address(
    client: Client, grey: Style
) -> None:
    page = text(client, f"{PAGE}?style=grey")
    assert '<option value="grey" selected>Greys</option>' in page
    assert "legend.png?style=grey" in page
    assert "preview.png?style=grey" in page
    assert "/{z}/{x}/{y}.png?style=grey" in page
    assert "/products/alps/dem/layer.qlr?style=grey" in page
    assert "/api/products/alps/dem/styles/grey.qml" in page
    assert "Greys" in page.split("facts-line")[1][:100]
    assert "?style=" not in text(client, PAGE)


def test_a_map_without_other_styles_offers_no_choice(client: Client, product: Product) -> None:
    assert 'id="style"' not in text(client, PAGE)


def test_an_unknown_style_is_no_page(client: Client, grey: Style) -> None:
    text(client, f"{PAGE}?style=absent", 404)


def test_the_layer_file_names_the_style(client: Client, grey: Style) -> None:
    assert "styles=grey&amp;" in text(client, f"{PAGE}/layer.qlr?style=grey")
    assert "styles=default&amp;" in text(client, f"{PAGE}/layer.qlr")


def test_only_the_owner_sees_the_page_of_styles(
    signed_in: SignedIn, grey: Style, owner: Role, stranger: Role
) -> None:
    assert "Greys" in text(signed_in(owner), STYLES)
    text(signed_in(stranger), STYLES, 403)
    for action in ("choose", "remove"):
        answer = signed_in(stranger).post(f"{STYLES}/grey/{action}")
        assert answer.status_code == 403


def test_a_style_is_added_from_a_formula(
    signed_in: SignedIn, product: Product, owner: Role
) -> None:
    answer = signed_in(owner).post(STYLES, FORM)
    assert (answer.status_code, answer["Location"]) == (302, STYLES)
    made = Style.objects.get()
    assert (made.name, made.title, made.definition["ramp"]) == ("steep", "Steep", "magma_r")
    assert (made.definition["formula"], made.definition["unit"]) == ("b1 * 2", "m")


def test_a_band_alone_needs_no_formula(signed_in: SignedIn, product: Product, owner: Role) -> None:
    signed_in(owner).post(STYLES, FORM | {"new-formula": "B1"})
    assert Style.objects.get().definition.get("formula") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [({"new-formula": "b1 +"}, "at character 5"), ({"new-formula": "b7"}, "between 1 and 1"),
     ({"new-low": "30"}, "less than its high"), ({"new-name": "Not so"}, "cannot name a style"),
     ({"new-name": "grey"}, "There is a style grey already"), ({"new-title": ""}, "required")],
)  # fmt: skip
def test_a_mistake_is_told_and_what_was_typed_is_kept(
    signed_in: SignedIn, grey: Style, owner: Role, change: dict[str, str], words: str
) -> None:
    answer = signed_in(owner).post(STYLES, FORM | change)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert 'value="20"' in page


def post_file(client: Client, name: str = "Old heights.qml", content: str = QML) -> Any:
    files = {"file": SimpleUploadedFile(name, content.encode())} if content else {}
    form = {"from_file": "1", "file-title": "", "file-name": ""}
    return client.post(STYLES, form | files, follow=True)


def test_a_style_is_added_from_a_file(signed_in: SignedIn, product: Product, owner: Role) -> None:
    page = post_file(signed_in(owner)).content.decode()
    assert "The style Old heights is added." in page
    assert "Brightness, contrast and gamma are not kept." in page
    assert Style.objects.get().name == "old-heights"


@pytest.mark.parametrize(("content", "words"), [("<a/>", "begins no style"), ("", "Choose a")])
def test_a_file_that_is_no_style_is_told(
    signed_in: SignedIn, product: Product, owner: Role, content: str, words: str
) -> None:
    answer = post_file(signed_in(owner), content=content)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_style_is_shown_first_and_removed(signed_in: SignedIn, grey: Style, owner: Role) -> None:
    client = signed_in(owner)
    client.post(f"{STYLES}/grey/choose")
    assert Product.objects.get().style["ramp"] == "gray"
    assert "shown first" in text(client, STYLES)
    client.post(f"{STYLES}/grey/remove")
    assert not Style.objects.exists()
    assert Product.objects.get().style["ramp"] == "gray"


def test_styles_of_a_collection_are_added_and_removed_on_its_own_page(
    signed_in: SignedIn, product: Product, owner: Role, stranger: Role
) -> None:
    client, page = signed_in(owner), "/collections/alps/styles"
    text(signed_in(stranger), page, 403)
    assert page in text(client, "/collections/alps")
    answer = client.post(page, FORM | {"new-formula": "b1"})
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert "Steep" in text(client, page)
    assert "of the collection" in text(client, STYLES)
    assert '<option value="steep">Steep</option>' in text(client, PAGE)
    client.post(f"{page}/steep/remove")
    assert not Style.objects.exists()

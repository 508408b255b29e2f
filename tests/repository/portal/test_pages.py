"""Pages as a browser without scripts gets them: who sees what, and what forms do."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from repository import editing
from repository.models import ApiToken, Collection, Job, Product
from tests.repository.conftest import MakeProduct, Role
from tests.repository.portal.conftest import SignedIn

pytestmark = pytest.mark.services


def _text(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def test_home_finds_a_map_by_a_word_of_its_title(client: Client, make_product: MakeProduct) -> None:
    make_product("dem", title="Elevation of the Alps")
    make_product("snow", title="Snow cover")
    page = _text(client, "/?q=elevation")
    assert "Elevation of the Alps" in page
    assert "Snow cover" not in page


def test_home_names_the_filters_that_found_nothing(client: Client, product: Product) -> None:
    page = _text(client, "/?q=nowhere&from=2030-01-01")
    assert "No map matches the words, the dates." in page
    assert "Clear dates" in page


def test_a_map_page_shows_facts_and_every_address(client: Client, product: Product) -> None:
    page = _text(client, "/products/alps/dem")
    for address in (
        "http://testserver/wmts/alps/dem/1.0.0/WMTSCapabilities.xml",
        "http://testserver/tiles/alps/dem/WebMercatorQuad/{z}/{x}/{y}.png",
        "http://testserver/ogc/collections/alps:dem",
        "/products/alps/dem/layer.qlr",
        "/files/alps/dem/dem.cog.tif",
    ):
        assert address in page


def test_a_private_map_looks_as_if_there_were_none(
    client: Client, signed_in: SignedIn, make_product: MakeProduct, owner: Role, stranger: Role
) -> None:
    make_product("secret", visibility="private")
    hidden, absent = (client.get(f"/products/alps/{slug}") for slug in ("secret", "absent"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content.replace(b"secret", b"absent") == absent.content
    _text(signed_in(stranger), "/products/alps/secret", 404)
    assert "Private" in _text(signed_in(owner), "/products/alps/secret")


def test_a_removed_map_says_when_and_why(client: Client, owner: Role, product: Product) -> None:
    editing.remove(owner.principal, product, reason="Superseded.")
    assert "Superseded." in _text(client, "/products/alps/dem", 410)


@pytest.mark.parametrize("path", ["/upload", "/jobs/", "/accounts/", "/accounts/tokens/"])
def test_pages_of_ones_own_ask_to_sign_in_and_come_back(
    client: Client, db: None, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={path.replace('/', '%2F')}"


def test_only_the_owner_may_edit(
    signed_in: SignedIn, product: Product, owner: Role, stranger: Role
) -> None:
    _text(signed_in(stranger), "/products/alps/dem/edit", 403)
    _text(signed_in(owner), "/products/alps/dem/edit")


def test_edit_changes_what_was_typed_and_leaves_the_rest(
    signed_in: SignedIn, product: Product, owner: Role
) -> None:
    form = {
        "title": "New title",
        "description": "",
        "datetime": "2024-08-24T10:00:00Z",
        "visibility": "private",
        "licence": "",
        "keywords": "snow, ice",
    }
    answer = signed_in(owner).post("/products/alps/dem/edit", form)
    assert answer["Location"] == "/products/alps/dem"
    changed = Product.objects.get(pk=product.pk)
    assert (changed.title, changed.visibility) == ("New title", "private")
    assert changed.keywords == ["snow", "ice"]
    assert (changed.start, changed.datetime_source) == (product.start, product.datetime_source)


def test_a_form_keeps_what_was_typed_beside_its_mistake(
    signed_in: SignedIn, product: Product, owner: Role
) -> None:
    answer = signed_in(owner).post(
        "/products/alps/dem/edit", {"title": "Kept", "datetime": "soon", "visibility": "public"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Kept" in page
    assert "is no date or time" in page


def test_removing_names_what_is_lost_first(
    signed_in: SignedIn, product: Product, owner: Role
) -> None:
    client = signed_in(owner)
    assert "dem.cog.tif" in _text(client, "/products/alps/dem/remove")
    client.post("/products/alps/dem/remove", {"reason": "Wrong year."})
    assert Product.objects.get(pk=product.pk).removal_reason == "Wrong year."


def test_the_upload_form_works_without_scripts(
    signed_in: SignedIn, collection: Collection, owner: Role
) -> None:
    file = io.BytesIO(b"II*\0some bytes")
    file.name = "dem.tif"
    answer = signed_in(owner).post(
        "/upload", {"collection": collection.id, "visibility": "private", "file": file}
    )
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.id}"
    assert job.upload.file_name == "dem.tif"
    assert job.request["visibility"] == "private"


def test_an_empty_file_is_named_beside_the_form(
    signed_in: SignedIn, collection: Collection, owner: Role
) -> None:
    file = io.BytesIO(b"")
    file.name = "nothing.tif"
    answer = signed_in(owner).post("/upload", {"collection": collection.id, "file": file})
    assert answer.status_code == 422
    assert "nothing.tif is empty" in answer.content.decode()


def test_a_job_page_is_its_owners_alone(
    signed_in: SignedIn, job: Job, owner: Role, stranger: Role
) -> None:
    assert "Waiting" in _text(signed_in(owner), f"/jobs/{job.id}")
    _text(signed_in(stranger), f"/jobs/{job.id}", 404)


def test_an_answer_sends_the_job_on(signed_in: SignedIn, job: Job, owner: Role) -> None:
    Job.objects.filter(pk=job.pk).update(
        state="needs_input", error={"code": "crs_missing", "message": "No CRS.", "hint": ""}
    )
    client = signed_in(owner)
    assert "No CRS." in _text(client, f"/jobs/{job.id}")
    client.post(f"/jobs/{job.id}/answer", {"crs": "EPSG:32633"})
    job.refresh_from_db()
    assert (job.state, job.answers) == ("queued", {"crs": "EPSG:32633"})


def test_three_edges_are_no_answer(signed_in: SignedIn, job: Job, owner: Role) -> None:
    Job.objects.filter(pk=job.pk).update(
        state="needs_input", error={"code": "crs_missing", "message": "No CRS.", "hint": ""}
    )
    answer = signed_in(owner).post(
        f"/jobs/{job.id}/answer", {"left": "1", "bottom": "2", "right": "3"}
    )
    assert answer.status_code == 422
    assert "Give all four edges" in answer.content.decode()


def test_a_token_is_shown_once(signed_in: SignedIn, owner: Role) -> None:
    client = signed_in(owner)
    answer = client.post("/accounts/tokens/", {"name": "QGIS", "scope": "read", "days": "30"})
    secret = next(word for word in answer.content.decode().split("<") if "rst_" in word)
    assert secret.partition(">")[2] not in _text(client, "/accounts/tokens/")
    assert ApiToken.objects.get(name="QGIS").scopes == ["read"]


def test_nobody_revokes_anothers_token(signed_in: SignedIn, owner: Role, stranger: Role) -> None:
    token = ApiToken.objects.get(user=owner.user)
    answer = signed_in(stranger).post(f"/accounts/tokens/{token.id}/revoke")
    assert answer.status_code == 404
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_a_collection_is_made_with_its_settings(signed_in: SignedIn, stranger: Role) -> None:
    form = {"title": "Snow", "id": "snow", "visibility": "private", "contributors": "owner"}
    answer = signed_in(stranger).post("/collections/new/", form)
    assert answer["Location"] == "/collections/snow"
    assert Collection.objects.get(id="snow").visibility == "private"


def test_a_collection_says_whether_tiles_are_stored(
    signed_in: SignedIn, collection: Collection, owner: Role
) -> None:
    client, form = signed_in(owner), {"title": "Alps", "visibility": "public",
                                      "contributors": "owner"}  # fmt: skip
    for sent, kept in (("never", "never"), ("", "never"), ("always", "always")):
        client.post("/collections/alps/settings", form | {"prerender": sent})
        assert Collection.objects.get(id="alps").prerender == kept


def test_the_map_asks_for_the_format_that_is_stored(client: Client, product: Product) -> None:
    assert "/{y}.png" in client.get("/products/alps/dem").content.decode()
    Product.objects.update(style=product.style | {"kind": "rgb", "bands": [1, 1, 1]})
    assert "/{y}.webp" in client.get("/products/alps/dem").content.decode()


def test_a_taken_id_is_told_beside_its_field(
    signed_in: SignedIn, collection: Collection, stranger: Role
) -> None:
    form = {"title": "Alps", "id": "alps", "visibility": "public", "contributors": "owner"}
    answer = signed_in(stranger).post("/collections/new/", form)
    assert "The id alps is taken." in answer.content.decode()


def test_pages_carry_the_security_headers(client: Client, db: None) -> None:
    answer = client.get("/")
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_admin_lists_products_and_offers_no_change(
    signed_in: SignedIn, product: Product, operator: Role
) -> None:
    client = signed_in(operator)
    assert "alps/dem" in _text(client, "/admin/repository/product/")
    page = _text(client, f"/admin/repository/product/{product.pk}/change/")
    assert 'name="_save"' not in page


@pytest.mark.parametrize("address", ["/?q=%00", "/collections/?after=%00"])
def test_what_the_database_cannot_hold_is_told_and_no_fault(
    client: Client, db: None, address: str
) -> None:
    assert client.get(address).status_code == 400


def test_a_file_for_the_sign_in_page_is_not_kept(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(*args: object) -> None:
        raise AssertionError("a stranger's file was taken")

    monkeypatch.setattr("repository.api.receiving.HashingUploadHandler.receive_data_chunk", kept)
    form = {"username": "x", "file": SimpleUploadedFile("a.tif", b"x" * 5000)}
    assert client.post("/accounts/login/", form).status_code == 200


def test_a_page_of_somebodys_is_kept_for_nobody_else(
    signed_in: SignedIn, product: Product, owner: Role
) -> None:
    answer = signed_in(owner).get("/")
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))


def test_a_collection_page_shows_all_maps_as_one_layer(client: Client, product: Product) -> None:
    page = _text(client, "/collections/alps")
    assert page.count("http://testserver/tiles/alps/WebMercatorQuad/{z}/{x}/{y}.png") >= 2
    assert 'id="mosaic-from"' in page

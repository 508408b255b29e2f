"""Three fixed roles, the public and an operator; collections and published products to look at."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.test import Client
from starlette.testclient import TestClient

from repository import jobs, registration, tokens
from repository.authentication import principal_of_user
from repository.models import Collection, Job, Product, Upload, UploadedFile, User
from repository.principal import ANONYMOUS, Principal
from repository.raster_info import BandInfo, RasterInfo, Statistics
from repository.registration import StoredFile
from repository.rendering_style import RenderingStyle
from repository.storage import object_key, object_store

PASSWORD = "correct horse battery"
COG_BYTES = bytes(range(256)) * 40
ORIGINAL_BYTES = b"II*\0" + b"original" * 100


@dataclass(frozen=True)
class Role:
    """One caller: who they are to the catalogue, and the headers that they send."""

    name: str
    principal: Principal
    user: User | None = None
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """For Django's and Starlette's test clients alike."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def basic(name: str, secret: str) -> dict[str, str]:
    """Headers of HTTP Basic (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def _role(name: str, **fields: Any) -> Role:
    user = User.objects.create_user(name, **fields)
    _, token = tokens.create(user, scopes=("read", "write"))
    return Role(name, principal_of_user(user), user, token)


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path: Path) -> None:
    """Objects and scratch of one test, and a disk that is never thought full."""
    storage = dict(settings.STORAGES)
    storage["default"] = {
        "BACKEND": "repository.storage.LocalObjects",
        "OPTIONS": {"location": str(tmp_path / "objects")},
    }
    settings.STORAGES = storage
    settings.WORK_DIR = tmp_path / "work"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "work" / "incoming"
    settings.MIN_FREE_BYTES = 1
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _silent_doorbell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No worker hears these tests; what would have been rung is listed."""
    rung: list[str] = []

    def send_task(name: str, arguments: list[str], **options: Any) -> None:
        rung.append(arguments[0])

    monkeypatch.setattr("repository.jobs.current_app.send_task", send_task)
    return rung


@pytest.fixture
def rung(_silent_doorbell: list[str]) -> list[str]:
    """Job ids of which the workers were told."""
    return _silent_doorbell


@pytest.fixture
def clean_cache() -> Iterator[None]:
    """Remembered passwords of other tests are gone."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def owner(db: None) -> Role:
    """Owns the collections, the products and the jobs of these tests."""
    return _role("owner", password=PASSWORD)


@pytest.fixture
def colleague(db: None) -> Role:
    """Owns a map in the owner's collection that is open to members."""
    return _role("colleague")


@pytest.fixture
def stranger(db: None) -> Role:
    """Signed in, and owns nothing here."""
    return _role("stranger")


@pytest.fixture
def operator(db: None) -> Role:
    """A superuser."""
    return _role("operator", is_superuser=True, is_staff=True)


@pytest.fixture
def anonymous() -> Role:
    """The public."""
    return Role("anonymous", ANONYMOUS)


@pytest.fixture
def roles(
    owner: Role, colleague: Role, stranger: Role, operator: Role, anonymous: Role
) -> dict[str, Role]:
    """All callers by name."""
    return {r.name: r for r in (owner, colleague, stranger, operator, anonymous)}


@pytest.fixture
def api() -> Client:
    """Django's client; CSRF is enforced, as it is in life."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.fixture
def shared_connection(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads of Starlette's applications see this test's transaction, which is rolled back:
    a committed one would have to be truncated away, at a second a test."""
    ours = connections["default"]

    @contextmanager
    def borrowed() -> Iterator[None]:
        connections["default"] = ours
        try:
            yield
        finally:
            del connections["default"]

    ours.inc_thread_sharing()
    for module in ("repository.downloads", "repository.api.events", "repository.api.tus"):
        monkeypatch.setattr(f"{module}.borrowed_connection", borrowed)
    yield
    ours.dec_thread_sharing()


@pytest.fixture
def files(shared_connection: None) -> TestClient:
    """The download application."""
    from repository.downloads import app

    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


MakeCollection = Callable[..., Collection]
MakeProduct = Callable[..., Product]
MakeJob = Callable[..., Job]


@pytest.fixture
def make_collection(owner: Role) -> MakeCollection:
    """Makes collections of the owner's."""

    def make(collection_id: str = "alps", **fields: Any) -> Collection:
        fields = {"title": collection_id.title(), "owner": owner.user} | fields
        collection = Collection.objects.create(id=collection_id, **fields)
        collection.refresh_from_db()
        return collection

    return make


@pytest.fixture
def collection(make_collection: MakeCollection) -> Collection:
    """A public collection of the owner's."""
    return make_collection()


@pytest.fixture
def make_product(owner: Role, make_collection: MakeCollection) -> MakeProduct:
    """Publishes products by the ordinary way, without a worker: objects first, then one commit."""

    def make(
        slug: str = "dem",
        *,
        collection: Collection | None = None,
        by: User | None = None,
        datetime: str = "2024-08-24T10:00:00Z",
        bounds: tuple[float, float, float, float] = (10, 45, 11, 46),
        file_name: str = "dem.tif",
        **fields: Any,
    ) -> Product:
        where = collection or Collection.objects.filter(id="alps").first() or make_collection()
        product = registration.reserve(
            where, slug, owner_id=(by or owner.user).pk, exact=True, product_uuid=uuid.uuid4(),
            **({"title": slug.title()} | fields),
        )  # fmt: skip
        stored = [
            _stored(product, "data", f"{slug}.cog.tif", COG_BYTES),
            _stored(product, "original", file_name, ORIGINAL_BYTES),
        ]
        with transaction.atomic():
            registration.publish(
                product.pk, raster_info(bounds), STYLE, stored,
                request={"datetime": datetime, "end_datetime": ""},
            )  # fmt: skip
        return Product.objects.select_related("collection", "owner").get(pk=product.pk)

    return make


@pytest.fixture
def product(make_product: MakeProduct) -> Product:
    """A public product, alps/dem."""
    return make_product()


@pytest.fixture
def make_job(owner: Role, collection: Collection) -> MakeJob:
    """Queues jobs whose original is in the store."""

    def make(slug: str = "dem", *, by: User | None = None, **request: Any) -> Job:
        user = by or owner.user
        product = registration.reserve(
            collection, slug, owner_id=user.pk, exact=True, product_uuid=uuid.uuid4(), title=slug
        )
        stored = _stored(product, "original", f"{slug}.tif", ORIGINAL_BYTES)
        upload = Upload.objects.create(owner=user, file_name=stored.file_name, size=stored.size)
        UploadedFile.objects.create(
            upload=upload, position=0, file_name=stored.file_name, key=stored.key,
            size=stored.size, sha256=stored.sha256, md5=stored.md5,
        )  # fmt: skip
        job = jobs.enqueue(
            upload=upload, product=product, collection=collection,
            request={"title": "", "datetime": "", "end_datetime": "", "visibility": "public"}
            | request,
        )  # fmt: skip
        return Job.objects.select_related("collection", "product", "upload").get(pk=job.pk)

    return make


def _stored(product: Product, role: str, file_name: str, content: bytes) -> StoredFile:
    sha256, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()
    key = object_key(product.uuid, sha256, role)
    path = Path(object_store().local_path(key) or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return StoredFile(role, file_name, key, "image/tiff", len(content), sha256, md5)


def raster_info(bounds: tuple[float, float, float, float] = (10, 45, 11, 46)) -> RasterInfo:
    """A one-band raster in WGS 84; its footprint is cut where left > right."""
    left, bottom, right, top = bounds
    boxes = [bounds] if left <= right else [(left, bottom, 180, top), (-180, bottom, right, top)]
    rings = [[[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]] for x0, y0, x1, y1 in boxes]
    statistics = Statistics(1, 9, 5.0, 2.0, 100, 100, 1.5, 8.5, (50, 50), (1.0, 5.0, 9.0))
    return RasterInfo(
        driver="GTiff", width=10, height=10, crs_wkt="WKT", crs_epsg=4326, crs_name="WGS 84",
        transform=(0.1, 0, left, 0, -0.1, top), bounds=bounds, bounds_wgs84=bounds,
        footprint_wgs84={"type": "MultiPolygon", "coordinates": rings},
        bands=(BandInfo(1, "float32", float("nan"), statistics=statistics),), kind="measurement",
    )  # fmt: skip


STYLE = RenderingStyle(kind="ramp", bands=(1,), stretch=((1.5, 8.5),), title="Elevation", unit="m")


def tif(name: str = "dem.tif", content: bytes = ORIGINAL_BYTES) -> SimpleUploadedFile:
    """A file as a form carries it."""
    return SimpleUploadedFile(name, content, "image/tiff")

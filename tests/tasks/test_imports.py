from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from repository import imports, jobs
from repository.models import Asset, Collection, Job, Product, UploadedFile
from repository.uploads import ProductRequest
from tasks import imports as step
from tasks.ingest import ingest
from tests.rasters import gradient, write_raster
from tests.repository.conftest import Role
from tests.services.web_server import Answerer, WebServer, answer, file_page, web_server

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

Import = Callable[..., Job]


@pytest.fixture
def server(settings: Any) -> Iterator[WebServer]:
    """A server of the house, which the operator allows."""
    with web_server() as running:
        settings.IMPORT_ALLOWED_HOSTS = frozenset({("localhost", running.port)})
        yield running


@pytest.fixture
def raster(tmp_path: Path) -> bytes:
    path = tmp_path / "source.tif"
    write_raster(path, gradient("int16"), crs="EPSG:32633", nodata=-1)
    return path.read_bytes()


@pytest.fixture
def import_file(server: WebServer, operator: Role, collection: Collection) -> Import:
    """Queues the import of a path of the server."""

    def queue(path: str = "/dem.tif?sig=topsecret", **checksums: str) -> Job:
        return imports.accept_import(
            operator.principal, collection, server.url(path), ProductRequest(), **checksums
        )

    return queue


def after(job: Job) -> Job:
    ingest(str(job.pk))
    return Job.objects.select_related("product", "upload").get(pk=job.pk)


def test_a_fetched_raster_is_published(
    import_file: Import, server: WebServer, raster: bytes, settings: Any
) -> None:
    server.pages["/dem.tif"] = file_page(raster)
    job = after(import_file())
    assert (job.state, job.error) == ("published", None)
    original = Asset.objects.get(role="original")
    assert (original.sha256, original.file_name) == (hashlib.sha256(raster).hexdigest(), "dem.tif")
    assert job.upload.size == len(raster)
    assert list((settings.WORK_DIR / "jobs").glob("*")) == []


def test_a_signature_is_forgotten_once_the_file_is_here(
    import_file: Import, server: WebServer, raster: bytes
) -> None:
    server.pages["/dem.tif"] = file_page(raster)
    assert after(import_file()).upload.source == server.url("/dem.tif?…")


def test_a_retry_does_not_fetch_again(
    import_file: Import, server: WebServer, raster: bytes, monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:  # fmt: skip
    def fail(*args: object) -> None:
        raise KeyError("a bug")

    settings.RETRY_SECONDS = 0
    server.pages["/dem.tif"] = file_page(raster)
    with monkeypatch.context() as broken:
        broken.setattr("tasks.ingest._convert_all", fail)
        job = after(import_file())
    assert (job.state, UploadedFile.objects.count()) == ("queued", 1)
    assert after(job).state == "published"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (answer(404), "import_not_found"),
        (answer(403), "import_forbidden"),
        (answer(302, Location="https://169.254.169.254/latest/meta-data/"), "import_refused"),
        (answer(200), "empty_file"),
        (answer(200, b"<html>Sign in first</html>"), "unsupported_format"),
    ],
)
def test_what_cannot_be_fetched_is_rejected_with_a_reason(
    import_file: Import, server: WebServer, page: Answerer, code: str
) -> None:
    server.pages["/dem.tif"] = page
    job = after(import_file())
    assert job.error is not None
    assert (job.state, job.error["code"]) == ("rejected", code)
    assert job.error["message"]
    assert "topsecret" not in str(job.error)
    assert not Product.objects.exists()


def test_a_file_above_the_limit_is_rejected(
    import_file: Import, server: WebServer, raster: bytes, settings: Any
) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    server.pages["/dem.tif"] = file_page(raster)
    job = after(import_file())
    assert job.error is not None
    assert (job.state, job.error["code"]) == ("rejected", "import_too_large")


@pytest.mark.parametrize("name", ["sha256", "md5"])
def test_a_checksum_is_compared(
    import_file: Import, server: WebServer, raster: bytes, name: str
) -> None:
    server.pages["/dem.tif"] = file_page(raster)
    right = hashlib.new(name, raster).hexdigest()
    assert after(import_file(**{name: right})).state == "published"
    job = after(import_file(**{name: right[::-1]}))
    assert job.error is not None
    assert (job.state, job.error["code"]) == ("rejected", "checksum_mismatch")
    assert UploadedFile.objects.count() == 1


def test_a_permission_that_was_taken_away_counts(
    import_file: Import, server: WebServer, raster: bytes, operator: Role
) -> None:
    server.pages["/dem.tif"] = file_page(raster)
    job = import_file()
    assert operator.user is not None
    operator.user.is_superuser = False
    operator.user.save()
    job = after(job)
    assert job.error is not None
    assert (job.state, job.error["code"]) == ("rejected", "import_not_allowed")
    assert server.asked == []


def test_a_server_that_is_away_is_tried_three_times(
    import_file: Import, server: WebServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRY_SECONDS = 0
    monkeypatch.setattr(step, "TRIES", 1)
    server.pages["/dem.tif"] = answer(503)
    job = import_file()
    states = [after(job).state for _ in range(3)]
    assert states == ["queued", "queued", "failed"]
    error = after(job).error
    assert error is not None
    assert (error["code"], error["retryable"]) == ("import_unavailable", True)


def test_a_cancelled_import_stops_in_the_middle(
    import_file: Import, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = import_file()

    def endless(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        for number in range(10**6):
            if number == 50:
                jobs.cancel(Job.objects.get(pk=job.pk))
            request.wfile.write(bytes(10_000))

    monkeypatch.setattr("repository.fetching.download.REPORT_SECONDS", 0.01)
    server.pages["/dem.tif"] = endless
    assert after(job).state == "cancelled"
    assert not UploadedFile.objects.exists()


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError])
def test_a_restart_of_the_database_does_not_break_a_transfer_off(
    import_file: Import, server: WebServer, raster: bytes, monkeypatch: pytest.MonkeyPatch,
    failure: type[Exception],
) -> None:  # fmt: skip
    advance, refused = jobs.advance, list[str]()

    def away(lease: Any, **values: Any) -> None:
        step = values.get("step", "")
        if step.startswith("Fetching") and len(refused) < 2:
            refused.append(step)
            raise failure("the database restarts")
        advance(lease, **values)

    monkeypatch.setattr(jobs, "advance", away)
    monkeypatch.setattr("repository.fetching.download.REPORT_SECONDS", 0.0)
    server.pages["/dem.tif"] = file_page(raster)
    assert after(import_file()).state == "published"
    assert (bool(refused), len(server.asked)) == (True, 1)


def test_an_overtaken_worker_keeps_nothing(
    import_file: Import, server: WebServer, raster: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages["/dem.tif"] = file_page(raster)
    job = import_file()
    download = step.download

    def late(*arguments: Any) -> Any:
        fetched = download(*arguments)
        jobs.cancel(Job.objects.get(pk=job.pk))
        return fetched

    monkeypatch.setattr(step, "download", late)
    assert after(job).state == "cancelled"
    assert not UploadedFile.objects.exists()

"""Where tests run: a data folder of their own, real servers on demand, no silent skips in CI."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("services", "s3", "browser", "clients", "faults")
ENGINE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server", "services"}
SETTINGS = (
    "DATABASE_URL", "BROKER_URL", "CACHE_URL", "STORAGE_URL", "PUBLIC_URL", "SECRET_KEY",
    "PORT", "BIND", "IMPORT_ALLOWED_HOSTS", "IMPORT_CA_FILE", "IMPORT_S3_SOURCES", "DROPBOX_URL",
)  # fmt: skip


def _own_environment() -> Path:
    """Point the settings at an empty folder before Django reads them: never at somebody's data.

    A short path, because sockets lie in it. Empty values win over the lines of a `.env`.
    """
    folder = Path(tempfile.mkdtemp(prefix="rastrum-test-", dir="/tmp"))
    os.environ.update(dict.fromkeys(SETTINGS, ""))
    os.environ["DATA_DIR"] = str(folder / "data")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    return folder


SESSION_FOLDER = _own_environment()
django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(SESSION_FOLDER, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the database is marked `services`; tests without services run first."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or names & ENGINE_FIXTURES:
            item.add_marker("services")
        if "object_store" in names:
            item.add_marker("s3")
        if "live_product" in names or "live_server_process" in names:
            item.add_marker("services")
    items.sort(key=lambda item: sum(_marked(item, name) for name in HEAVY) > 0)


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """In CI a skip is a failure: what was to be tested is missing. Only the corpus may be."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "RASTER_CORPUS" not in reason:
            report.outcome = "failed"
            report.longrepr = f"Skipped although CI=true: {reason}"
    return report


@pytest.fixture(scope="session")
def services() -> Iterator[None]:
    """PostGIS and Redis where the settings expect them, and the pages' static files."""
    from django.conf import settings

    from config.supervision.postgres import installed_versions
    from config.supervision.static_files import collect_static_files
    from tests.services.engines import engines

    if not installed_versions() or shutil.which("redis-server") is None:
        pytest.skip("PostgreSQL with PostGIS or Redis is not installed")
    collect_static_files(Path(settings.STATIC_ROOT))
    with engines(Path(os.environ["DATA_DIR"])):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services: None) -> None:
    """pytest-django asks for this before it makes the test database: the server must be up."""


@pytest.fixture(autouse=True)
def _services_for_marked_tests(request: pytest.FixtureRequest) -> None:
    if _marked(request.node, "services") and "live_product" not in request.fixturenames:
        request.getfixturevalue("services")


@pytest.fixture(scope="session")
def object_store() -> Iterator[Any]:
    """A Ceph gateway (tests.services.ceph.ObjectStore), started when first asked for."""
    from tests.services import ceph

    if missing := ceph.missing_programs():
        pytest.skip(f"Ceph is not installed: {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="rastrum-s3-", dir="/tmp"))
    try:
        with ceph.object_store(folder) as store:
            yield store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def live_product() -> Iterator[Any]:
    """The whole product on a free port (tests.services.product.Product), for the session."""
    from tests.services.product import running_product

    folder = Path(tempfile.mkdtemp(prefix="rastrum-live-", dir="/tmp"))
    try:
        with running_product(folder) as product:
            yield product
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def live_server_process(live_product: Any) -> Any:
    """Another name of `live_product`."""
    return live_product


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real rasters that RASTER_CORPUS names."""
    folder = Path(os.environ.get("RASTER_CORPUS") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the corpus is absent: RASTER_CORPUS={folder}")
    return folder

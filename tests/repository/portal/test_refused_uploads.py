"""Files that the upload form cannot take, where Django's CSRF check reads them first."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from repository.models import Collection, Job
from tests.repository.conftest import Role

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _own_incoming(settings: Any, tmp_path: Path) -> None:
    """Other tests' files do not count."""
    settings.INCOMING_DIR = tmp_path / "incoming"


def _send(owner: Role, collection: Collection, *sizes: int) -> HttpResponse:
    """What a browser sends: the form's token first, then its fields and files."""
    client = Client(enforce_csrf_checks=True)
    assert owner.user is not None
    client.force_login(owner.user)
    client.get("/upload")
    files = [SimpleUploadedFile(f"{size}.tif", b"x" * size) for size in sizes]
    token = client.cookies["csrftoken"].value
    form = {"csrfmiddlewaretoken": token, "collection": collection.id, "file": files}
    answer: Any = client.post("/upload", form)
    return answer


def _nothing_is_kept(settings: Any) -> bool:
    folder = Path(settings.INCOMING_DIR)
    return not Job.objects.exists() and not list(folder.iterdir())


@pytest.mark.parametrize("sizes", [(5000,), (900, 900)])
def test_files_beyond_the_limit_are_413_and_leave_nothing(
    owner: Role, collection: Collection, settings: Any, sizes: tuple[int, ...]
) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    answer = _send(owner, collection, *sizes)
    assert answer.status_code == 413
    assert "This server takes 1,000 bytes at most." in answer.content.decode()
    assert _nothing_is_kept(settings)


def test_a_file_for_a_full_disk_is_507_and_leaves_nothing(
    owner: Role, collection: Collection, settings: Any
) -> None:
    settings.MIN_FREE_BYTES = shutil.disk_usage("/").total * 1000
    answer = _send(owner, collection, 500)
    assert answer.status_code == 507
    assert answer["Retry-After"] == "10"
    assert "The server has no room for this file." in answer.content.decode()
    assert _nothing_is_kept(settings)

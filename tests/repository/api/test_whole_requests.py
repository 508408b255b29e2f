"""Uploads through the whole way in of a request: guard, bodies, WSGI bridge, Django."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application
from starlette.testclient import TestClient

from config.bodies import WholeBodies
from config.guard import Guard
from repository.models import Collection, Job, Product
from tests.repository.conftest import Role

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
ADDRESS = "/api/collections/alps/products"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.tif"\r\n\r\n'
PRIVATE = (
    b'\r\n--x\r\nContent-Disposition: form-data; name="visibility"\r\n\r\nprivate\r\n--x--\r\n'
)
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def application() -> Any:
    return Guard(WholeBodies(WSGIMiddleware(get_wsgi_application())))


def chunks(size: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(size // 1000):
        yield b"x" * 1000
    yield PRIVATE


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(application(), base_url="http://localhost") as client:
        yield client


def scratch(settings: Any) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*"))


def test_a_chunked_upload_is_accepted_whole(
    client: TestClient, collection: Collection, owner: Role
) -> None:
    answer = client.post(ADDRESS, content=chunks(50_000), headers=owner.headers | FORM)
    assert answer.status_code == 202
    job = Job.objects.select_related("upload", "product").get()
    assert (job.upload.size, job.product.visibility) == (50_000, "private")


def test_a_chunked_upload_beyond_the_limit_is_413_and_leaves_nothing(
    client: TestClient, collection: Collection, owner: Role, settings: Any
) -> None:
    settings.MAX_UPLOAD_BYTES = 20_000
    answer = client.post(ADDRESS, content=chunks(50_000), headers=owner.headers | FORM)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert scratch(settings) == []
    assert not Product.objects.exists()


def test_a_chunked_json_body_is_read(client: TestClient, owner: Role) -> None:
    headers = owner.headers | {"Content-Type": "application/json"}
    answer = client.post("/api/collections", content=iter([b'{"id": ', b'"new"}']), headers=headers)
    assert answer.status_code == 201


def test_a_client_that_leaves_before_the_last_field_publishes_nothing(
    collection: Collection, owner: Role, settings: Any
) -> None:
    body = HEAD + b"x" * 5000 + PRIVATE[:-30]
    messages = iter(
        [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = owner.headers | FORM | {"Host": "localhost", "Content-Length": str(len(body) + 30)}
    scope = {
        "type": "http",
        "method": "POST",
        "path": ADDRESS,
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def request() -> None:
        await application()(scope, receive, send)

    asyncio.run(request())
    assert sent[0]["status"] == 400
    assert scratch(settings) == []
    assert not Product.objects.exists()

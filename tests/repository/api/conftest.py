"""A tus client of the resumable uploads' application, as the owner of alps."""

from __future__ import annotations

import base64
from collections.abc import Callable

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from repository.models import Collection
from tests.repository.conftest import ORIGINAL_BYTES, Role

TUS = {"Tus-Resumable": "1.0.0"}
BODY = {"Content-Type": "application/offset+octet-stream"}
LENGTH = len(ORIGINAL_BYTES)
Create = Callable[..., httpx.Response]
Patch = Callable[..., httpx.Response]


def encoded(**fields: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in fields.items())


@pytest.fixture
def tus(shared_connection: None) -> TestClient:
    from repository.api.tus import app

    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, headers=TUS)


@pytest.fixture
def create(tus: TestClient, owner: Role, collection: Collection) -> Create:
    """POSTs an upload of ORIGINAL_BYTES for alps, as the owner."""

    def post(
        *, by: Role = owner, length: object = LENGTH, content: bytes = b"",
        headers: dict[str, str] | None = None, **metadata: str,
    ) -> httpx.Response:  # fmt: skip
        metadata = {"filename": "dem.tif", "collection": "alps"} | metadata
        text = encoded(**{k: v for k, v in metadata.items() if v})
        own = {"Upload-Length": str(length), "Upload-Metadata": text}
        return tus.post("/api/uploads/", content=content,
                        headers=by.headers | own | (headers or {}))  # fmt: skip

    return post


@pytest.fixture
def address(create: Create) -> str:
    """Of an upload that was begun."""
    return create().headers["Location"]


@pytest.fixture
def patch(tus: TestClient, owner: Role) -> Patch:
    def send(
        address: str, content: bytes, offset: object = 0, *, by: Role = owner, **headers: str
    ) -> httpx.Response:
        own = {"Upload-Offset": str(offset)} | {k.replace("_", "-"): v for k, v in headers.items()}
        return tus.patch(address, content=content, headers=by.headers | BODY | own)

    return send

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from config.bodies import FORM_OVERHEAD_BYTES, WholeBodies
from config.dispatch import Dispatcher
from config.guard import Guard


async def hello(scope: Any, receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    length = request.headers.get("content-length", "none")
    body = await request.body()
    await PlainTextResponse(f"{length} {len(body)}")(scope, receive, send)


@pytest.fixture
def client(settings: Any) -> TestClient:
    settings.ALLOWED_HOSTS = ["maps.example.org"]
    settings.MAX_UPLOAD_BYTES = 1000
    return TestClient(Guard(WholeBodies(hello)), base_url="http://maps.example.org")


@pytest.mark.parametrize(
    "host", ["evil.example", "maps.example.org.evil.example", "", "a b", "[::1"]
)
def test_an_unknown_host_is_400(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_host")


def test_a_known_host_is_let_through_with_any_port(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "maps.example.org:8000"}).status_code == 200


def test_a_body_beyond_the_limit_is_413(client: TestClient) -> None:
    answer = client.post("/", content=b"x" * (1001 + FORM_OVERHEAD_BYTES))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_every_origin_may_read_but_not_with_cookies(client: TestClient) -> None:
    answer = client.get("/", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "ETag" in answer.headers["access-control-expose-headers"]


def test_a_preflight_is_answered_with_what_is_allowed(client: TestClient) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PATCH"}
    answer = client.options("/", headers=asked)
    assert answer.status_code == 204
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_no_answer_is_sniffed(client: TestClient) -> None:
    assert client.get("/").headers["x-content-type-options"] == "nosniff"


def test_a_body_with_a_length_is_handed_on_as_it_is(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 10).text == "10 10"


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json"])
def test_a_chunked_body_gets_a_length_that_lets_django_read_it(
    client: TestClient, settings: Any, kind: str
) -> None:
    most = 1000 + FORM_OVERHEAD_BYTES if "form" in kind else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    answer = client.post("/", content=iter([b"x" * 5, b"x" * 5]), headers={"Content-Type": kind})
    assert answer.text == f"{most} 10"


def test_a_client_that_leaves_in_the_middle_is_an_error_for_the_reader() -> None:
    messages = iter(
        [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]
    )
    seen: list[BaseException] = []

    async def receive() -> Any:
        return next(messages)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await receive()
        except ConnectionResetError as error:
            seen.append(error)

    scope = {"type": "http", "headers": []}
    asyncio.run(WholeBodies(app)(scope, receive, None))
    assert len(seen) == 1


def test_a_client_that_leaves_after_its_body_is_told_as_such() -> None:
    messages = iter([{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}])
    seen: list[str] = []

    async def receive() -> Any:
        return next(messages)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    asyncio.run(WholeBodies(app)({"type": "http", "headers": []}, receive, None))
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    ("path", "answerer"),
    [
        ("/files/a/b/c", "files"),
        ("/tiles/a", "tiles"),
        ("/wmts", "tiles"),
        ("/wmts/a", "tiles"),
        ("/wmtsx", "django"),
        ("/api/jobs/events", "events"),
        ("/api/jobs/1/events", "events"),
        ("/api/jobs/1/2/events", "django"),
        ("/api/jobs/1", "django"),
        ("/", "django"),
    ],
)
def test_each_address_has_one_application(path: str, answerer: str) -> None:
    def named(name: str) -> Any:
        return PlainTextResponse(name)

    routes = {
        r"/files/": named("files"),
        r"/tiles/": named("tiles"),
        r"/wmts(/|$)": named("tiles"),
        r"/api/jobs/([^/]+/)?events$": named("events"),
    }
    with TestClient(Dispatcher(routes, named("django"))) as client:
        assert client.get(path).text == answerer


class Ready:
    """An application that knows an answer at once."""

    def at_once(self, path: str, query: str, headers: Any) -> Any:
        own = [(b"etag", b'"1"'), (b"x-content-type-options", b"none")]
        return (200, own[:1], b"body") if path == "/a" and query == "b=1" else None


def test_what_is_known_at_once_passes_the_same_guard(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["maps.example.org"]
    guard = Guard(Dispatcher({"/a": Ready()}, default=hello))  # type: ignore[dict-item]
    ours = [(b"host", b"maps.example.org:8000")]
    found = guard.at_once(b"/a?b=1", ours)
    assert found is not None
    status, headers, body = found
    assert (status, body) == (200, b"body")
    assert (b"access-control-allow-origin", b"*") in headers
    assert (b"x-content-type-options", b"nosniff") in headers
    for target, sent in (
        (b"/a?b=1", [(b"host", b"evil.example")]), (b"/a?b=1", []), (b"/a?b=2", ours),
        (b"/%61?b=1", ours), (b"/other", ours), (b"/a?b=1", [*ours, (b"content-length", b"3")]),
    ):  # fmt: skip
        assert guard.at_once(target, sent) is None

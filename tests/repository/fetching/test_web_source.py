from __future__ import annotations

import gzip
import hashlib
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from repository.errors import OutOfSpace, RastrumError, Rejected
from repository.fetching import https
from repository.fetching.addresses import AddressRefused, Rules, parse
from repository.fetching.dialling import Interrupted, Watchdog
from repository.fetching.download import Downloaded, Limits, download
from repository.fetching.web_source import WebSource
from tests.services.web_server import WebServer, answer, file_page, make_certificate, web_server

CONTENT = hashlib.sha256(b"seed").digest() * 40_000  # 1.28 MB that nothing packs


class Fetch:
    """Fetches a page of the server into a folder."""

    def __init__(self, server: WebServer, rules: Rules, folder: Path) -> None:
        self.server, self.rules, self.path = server, rules, folder / "file"
        self.reports: list[tuple[int, int | None]] = []

    def __call__(self, path: str = "/dem.tif", **limits: Any) -> Downloaded:
        limits = {"max_bytes": 10**7, "wait_seconds": 0.01, "tries": 3} | limits
        source = WebSource(parse(self.server.url(path), self.rules), self.rules)
        self.path.unlink(missing_ok=True)
        return download(
            source, self.path, Limits(**limits), lambda *seen: self.reports.append(seen)
        )


@pytest.fixture
def fetch(server: WebServer, rules: Rules, tmp_path: Path) -> Fetch:
    return Fetch(server, rules, tmp_path)


def refusal(fetch: Fetch, path: str = "/dem.tif", **limits: Any) -> RastrumError:
    with pytest.raises(RastrumError) as refused:
        fetch(path, **limits)
    return refused.value


def test_a_file_comes_with_its_name_size_and_checksums(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = file_page(CONTENT)
    got = fetch()
    assert got.path.read_bytes() == CONTENT
    assert (got.file_name, got.size) == ("dem.tif", len(CONTENT))
    assert got.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert got.md5 == hashlib.md5(CONTENT).hexdigest()
    assert fetch.reports[-1] == (len(CONTENT), len(CONTENT))


def test_the_server_is_asked_for_the_file_as_it_is_and_told_nothing(
    fetch: Fetch, server: WebServer
) -> None:
    server.pages["/dem.tif"] = file_page(CONTENT)
    fetch("/dem.tif?signature=abc")
    path, headers = server.asked[0]
    assert path == "/dem.tif?signature=abc"
    assert headers == {
        "Host": f"localhost:{server.port}", "Accept-Encoding": "identity",
        "User-Agent": "Rastrum", "Connection": "close",
    }  # fmt: skip


def test_a_broken_transfer_goes_on_where_it_broke(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = file_page(CONTENT, cut_after=[300_000, 1, 500_000])
    assert fetch().sha256 == hashlib.sha256(CONTENT).hexdigest()
    ranges = [headers.get("Range") for _, headers in server.asked]
    assert ranges == [None, "bytes=300000-", "bytes=300001-", "bytes=800001-"]


def test_a_server_without_a_validator_begins_again(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = file_page(CONTENT, etag="", cut_after=[300_000])
    assert fetch().sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert [headers.get("Range") for _, headers in server.asked] == [None, None]


def test_a_file_that_changed_meanwhile_is_not_mixed(fetch: Fetch, server: WebServer) -> None:
    other = CONTENT[::-1]

    def page(request: BaseHTTPRequestHandler) -> None:
        server.pages["/dem.tif"] = file_page(other, etag='"2"')
        file_page(CONTENT, cut_after=[300_000])(request)

    server.pages["/dem.tif"] = page
    assert fetch().sha256 == hashlib.sha256(other).hexdigest()


@pytest.mark.parametrize("content_range", ["", "bytes 0-9/20", "bytes 300001-1279999/1280000"])
def test_another_part_than_asked_for_is_not_added(
    fetch: Fetch, server: WebServer, content_range: str
) -> None:
    def wrong(request: BaseHTTPRequestHandler) -> None:
        server.pages["/dem.tif"] = file_page(CONTENT)
        answer(206, CONTENT[300_001:] + b"!", Content_Range=content_range)(request)

    def first(request: BaseHTTPRequestHandler) -> None:
        server.pages["/dem.tif"] = wrong
        file_page(CONTENT, cut_after=[300_000])(request)

    server.pages["/dem.tif"] = first
    assert fetch().sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_server_that_never_gets_on_is_given_up(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = file_page(CONTENT, cut_after=[0] * 10)
    assert isinstance(refusal(fetch), Interrupted)
    assert len(server.asked) == 3


def test_a_body_that_is_shorter_than_announced_is_not_taken(
    fetch: Fetch, server: WebServer
) -> None:
    server.pages["/dem.tif"] = answer(200, b"short", Content_Length="900")
    assert isinstance(refusal(fetch), Interrupted)


def test_no_more_is_read_than_was_announced(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = answer(200, b"x" * 900, Content_Length="5")
    assert fetch().size == 5


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_above_the_limit_is_refused(
    fetch: Fetch, server: WebServer, announced: bool
) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if announced:
            request.send_header("Content-Length", str(10**12))
        request.end_headers()
        while True:
            request.wfile.write(CONTENT)

    server.pages["/dem.tif"] = endless
    error = refusal(fetch, max_bytes=2_000_000)
    assert (error.code, type(error)) == ("import_too_large", Rejected)
    assert fetch.path.stat().st_size <= (0 if announced else 2_000_000)


def test_chunks_are_joined(fetch: Fetch, server: WebServer) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    server.pages["/dem.tif"] = page
    assert fetch().path.read_bytes() == b"hello world"


def test_a_broken_chunk_is_no_end(fetch: Fetch, server: WebServer) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"5\r\nhello\r\nff\r\n wor")

    server.pages["/dem.tif"] = page
    assert isinstance(refusal(fetch), Interrupted)


def test_a_packed_body_is_refused_and_not_unpacked(fetch: Fetch, server: WebServer) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    server.pages["/dem.tif"] = answer(200, bomb, Content_Encoding="gzip")
    error = refusal(fetch)
    assert (error.code, "gzip" in error.detail) == ("import_failed", True)
    assert fetch.path.stat().st_size == 0


def test_a_gzip_file_is_kept_as_it_is(fetch: Fetch, server: WebServer) -> None:
    packed = gzip.compress(CONTENT)
    server.pages["/dem.tif.gz"] = answer(200, packed, Content_Type="application/gzip")
    assert fetch("/dem.tif.gz").path.read_bytes() == packed


def test_headers_that_break_off_are_no_empty_file(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-T")
    assert isinstance(refusal(fetch), Interrupted)


def test_an_empty_file_is_told(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = answer(200)
    assert refusal(fetch).code == "empty_file"


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (404, "import_not_found", False), (410, "import_not_found", False),
        (401, "import_forbidden", False), (403, "import_forbidden", False),
        (400, "import_failed", False), (204, "import_failed", False), (304, "import_failed", False),
        (302, "import_failed", False), (429, "import_unavailable", True),
        (500, "import_unavailable", True), (503, "import_unavailable", True),
    ],
)  # fmt: skip
def test_a_status_has_a_meaning(
    fetch: Fetch, server: WebServer, status: int, code: str, retryable: bool
) -> None:
    server.pages["/dem.tif"] = answer(status)
    error = refusal(fetch)
    assert (error.code, error.retryable) == (code, retryable)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(fetch: Fetch, server: WebServer) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        server.pages["/dem.tif"] = file_page(CONTENT)
        answer(503)(request)

    server.pages["/dem.tif"] = page
    assert fetch().size == len(CONTENT)


def test_redirects_are_followed_and_give_a_name(fetch: Fetch, server: WebServer) -> None:
    server.pages["/item/7"] = answer(302, Location="/blob/x.tif?sig=1")
    server.pages["/blob/x.tif"] = file_page(CONTENT)
    assert fetch("/item/7").file_name == "x.tif"


def test_redirects_have_an_end(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = answer(302, Location="/dem.tif")
    assert isinstance(refusal(fetch), AddressRefused)
    assert len(server.asked) == 6


def test_no_redirect_leads_from_https_to_http(fetch: Fetch, server: WebServer) -> None:
    with web_server() as plain:
        server.pages["/dem.tif"] = answer(302, Location=plain.url("/dem.tif"))
        fetch.rules = Rules(fetch.rules.allowed | {("localhost", plain.port)}, fetch.rules.ca_file)
        assert "https to http" in refusal(fetch).detail
        assert plain.asked == []


def test_http_is_spoken_with_a_host_that_the_operator_named(tmp_path: Path) -> None:
    with web_server() as plain:
        plain.pages["/dem.tif"] = file_page(CONTENT)
        fetch = Fetch(plain, Rules(frozenset({("localhost", plain.port)})), tmp_path)
        assert fetch().size == len(CONTENT)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="land cover.tif"', "land cover.tif"),
        ("attachment; filename*=UTF-8''%C5%BDilina.tif", "Žilina.tif"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\x\\\\y.tif"', "y.tif"),
        ("inline", "dem.tif"),
    ],
)
def test_the_server_may_name_the_file(
    fetch: Fetch, server: WebServer, disposition: str, name: str
) -> None:
    server.pages["/dem.tif"] = answer(200, b"bytes", Content_Disposition=disposition)
    assert fetch().file_name == name


def test_a_certificate_that_nobody_vouches_for_is_refused(fetch: Fetch) -> None:
    fetch.rules = Rules(fetch.rules.allowed)
    assert refusal(fetch).code == "import_certificate"


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "other.example")
    with web_server(certificate) as server:
        rules = Rules(frozenset({("localhost", server.port)}), str(certificate[0]))
        assert refusal(Fetch(server, rules, tmp_path)).code == "import_certificate"
        assert server.asked == []


def drip(request: BaseHTTPRequestHandler, text: bytes) -> None:
    for byte in text:
        request.wfile.write(bytes([byte]))
        request.wfile.flush()
        time.sleep(0.05)


def test_headers_that_drip_are_cut_off(
    fetch: Fetch, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "HEADER_SECONDS", 0.4)
    server.pages["/dem.tif"] = lambda request: drip(request, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 900)
    began = time.monotonic()
    assert isinstance(refusal(fetch, tries=1), Interrupted)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "framing", [{"Content-Length": "900"}, {"Transfer-Encoding": "chunked"}, {}]
)
def test_a_body_that_drips_is_cut_off_and_is_no_end(
    fetch: Fetch, server: WebServer, framing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in framing.items():
            request.send_header(name, value)
        request.end_headers()
        drip(request, b"0" * 900)

    monkeypatch.setattr(https, "IDLE_SECONDS", 0.4)
    server.pages["/dem.tif"] = page
    began = time.monotonic()
    assert isinstance(refusal(fetch, tries=1), Interrupted)
    assert time.monotonic() - began < 5


def test_a_body_that_stops_is_cut_off(
    fetch: Fetch, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        answer(200, b"x", Content_Length="900")(request)
        time.sleep(3)

    monkeypatch.setattr(https, "IDLE_SECONDS", 0.4)
    server.pages["/dem.tif"] = page
    began = time.monotonic()
    assert isinstance(refusal(fetch, tries=1), Interrupted)
    assert time.monotonic() - began < 2


def test_our_own_cut_is_no_end_of_a_file() -> None:
    class Response:
        def read1(self, size: int, decode_content: bool) -> bytes:
            return b""

    watchdog = Watchdog(lambda: None)
    watchdog.has_cut = True
    address = parse("https://data.example.org/x", Rules())
    got = https.Answer(address, 200, {}, Response(), watchdog)  # type: ignore[arg-type]
    with pytest.raises(Interrupted):
        list(got.chunks())


def test_a_download_has_an_end_of_its_time(
    fetch: Fetch, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.fetching.download.REPORT_SECONDS", 0.01)
    server.pages["/dem.tif"] = file_page(CONTENT, etag="", cut_after=[100_000] * 1000)
    error = refusal(fetch, seconds=0.5, tries=1000)
    assert (error.code, type(error)) == ("import_took_too_long", Rejected)


def test_a_disk_without_room_is_told_before_it_is_full(fetch: Fetch, server: WebServer) -> None:
    server.pages["/dem.tif"] = file_page(CONTENT)
    assert isinstance(refusal(fetch, min_free_bytes=10**18), OutOfSpace)
    assert fetch.path.stat().st_size == 0


def test_who_is_told_of_the_progress_may_end_it(fetch: Fetch, server: WebServer) -> None:
    class Enough(Exception):
        pass

    class Ending(list[Any]):
        def append(self, seen: Any) -> None:
            raise Enough

    fetch.reports = Ending()
    server.pages["/dem.tif"] = file_page(CONTENT)
    with pytest.raises(Enough):
        fetch()

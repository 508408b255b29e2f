"""The command-line client against a server of sticks and straw: what it sends, and what it says."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rastrum_client import following, sending, server
from rastrum_client.command import main

CONTENT = bytes(range(256)) * 100
PART = 10_000


class Straw(ThreadingHTTPServer):
    """Speaks as much of the contract as the client needs, and fails as often as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytearray] = {}
        self.lengths: dict[str, int] = {}
        self.metadata: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.failures: list[int] = []
        """Statuses of the next PATCHes; 0 cuts the connection after the part was kept."""
        self.refusal: dict[str, str] | None = None
        self.bare_refusal = 0
        """A status without a word, as HEAD and proxies answer."""
        self.checks = 0
        """How often a whole upload is still being checked."""
        self.products: list[dict[str, Any]] = []
        self.job: dict[str, Any] = {
            "state": "published", "progress": 1, "error": None,
            "links": {"map": "http://maps/products/alps/dem", "page": "http://maps/jobs/1"},
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Straw

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.server.requests.append((self.command, self.path))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def state(self) -> dict[str, str]:
        have, length = len(self.server.files[self.path]), self.server.lengths[self.path]
        is_done = have == length and "collection" in self.server.metadata
        if is_done and self.server.checks:
            self.server.checks -= 1
            is_done = False
        done = {"Upload_Job": "/api/jobs/1"} if is_done else {}
        return {"Upload_Offset": str(have)} | done

    def do_POST(self) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        if self.path.startswith("/api/collections/"):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.server.failures:
                self.answer(self.server.failures.pop(0))
                return
            self.server.products.append({"path": self.path} | json.loads(body))
            self.answer(202, Location="/api/jobs/1")
            return
        if self.server.bare_refusal:
            self.answer(self.server.bare_refusal)
            return
        if self.server.refusal:
            self.answer(403, json.dumps(self.server.refusal).encode())
            return
        where = f"/api/uploads/{len(self.server.files)}"
        self.server.files[where] = bytearray()
        self.server.lengths[where] = int(self.headers["Upload-Length"])
        pairs = (pair.split(" ") for pair in self.headers["Upload-Metadata"].split(","))
        self.server.metadata = {k: base64.b64decode(v).decode() for k, v in pairs}
        self.server.names[where] = self.server.metadata["filename"]
        self.answer(201, Location=where)

    def do_HEAD(self) -> None:
        if self.path in self.server.files:
            self.answer(200, **self.state())
        else:
            self.answer(404)

    def do_PATCH(self) -> None:
        part = self.rfile.read(int(self.headers["Content-Length"]))
        file = self.server.files[self.path]
        assert int(self.headers["Upload-Offset"]) == len(file)
        digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
        assert self.headers["Upload-Checksum"] == f"sha256 {digest}"
        failure = self.server.failures.pop(0) if self.server.failures else None
        if failure:
            self.answer(failure)
            return
        file += part
        if failure == 0:
            self.close_connection = True
            return
        self.answer(204, **self.state())

    def do_GET(self) -> None:
        self.answer(200, json.dumps(self.server.job).encode())


@pytest.fixture
def straw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Straw]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("RASTRUM_TOKEN", "secret")
    monkeypatch.setattr(sending, "PART_BYTES", PART)
    monkeypatch.setattr(sending, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(server, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(server, "LONGEST_PAUSE_SECONDS", 0.01)
    with Straw() as straw:
        threading.Thread(target=straw.serve_forever, daemon=True).start()
        yield straw
        straw.shutdown()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dem.tif"
    path.write_bytes(CONTENT)
    return path


def push(straw: Straw, *arguments: object) -> int:
    return main(["push", *map(str, arguments), "--server", straw.url, "--collection", "alps"])


def states(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "state").rglob("*.json"))


def test_a_file_arrives_and_its_map_is_printed(
    straw: Straw, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(straw, file, "--title", "Título", "--private", "--id", "dem") == 0
    assert list(straw.files.values()) == [CONTENT]
    assert capsys.readouterr().out == "http://maps/products/alps/dem\n"
    assert straw.metadata.items() >= {
        "filename": "dem.tif", "collection": "alps", "title": "Título", "visibility": "private",
        "id": "dem",
    }.items()  # fmt: skip
    assert states(tmp_path) == []


@pytest.mark.parametrize("failures", [[503, 423, 502], [0], [0, 500, 0], [409, 460]])
def test_trouble_on_the_way_is_tried_again(
    straw: Straw, file: Path, failures: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PASSING", server.PASSING | {409, 460})
    straw.failures = failures
    assert push(straw, file) == 0
    assert list(straw.files.values()) == [CONTENT]


def test_another_run_goes_on_where_the_first_was_stopped(
    straw: Straw, file: Path, tmp_path: Path
) -> None:
    straw.failures = [0, 400]
    assert push(straw, file) == 1
    assert [len(kept) for kept in straw.files.values()] == [PART]
    assert len(states(tmp_path)) == 1
    assert push(straw, file) == 0
    assert list(straw.files.values()) == [CONTENT]


def test_a_file_that_changed_since_is_sent_anew(straw: Straw, file: Path) -> None:
    straw.failures = [0, 400]
    push(straw, file)
    file.write_bytes(CONTENT[::-1])
    assert push(straw, file) == 0
    assert straw.files["/api/uploads/1"] == CONTENT[::-1]


def test_an_upload_that_the_server_forgot_is_begun_anew(straw: Straw, file: Path) -> None:
    straw.failures = [0, 400]
    push(straw, file)
    del straw.files["/api/uploads/0"]
    straw.files["/gone"] = bytearray()
    assert push(straw, file) == 0
    assert straw.files["/api/uploads/1"] == CONTENT


def test_a_server_that_stays_away_ends_with_3(
    straw: Straw, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server.Server.__init__, "__kwdefaults__", {"give_up_seconds": 0.05})
    straw.failures = [503] * 1000
    assert push(straw, file) == 3
    assert len(states(tmp_path)) == 1


def test_a_refusal_is_told_in_the_servers_words(
    straw: Straw, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    straw.refusal = {"code": "forbidden", "detail": "You may not.", "hint": "Ask its owner."}
    assert push(straw, file) == 1
    assert "You may not. Ask its owner." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "code"), [("rejected", 1), ("failed", 1), ("cancelled", 1), ("needs_input", 4)]
)
def test_a_job_that_makes_no_map_has_its_exit_code_and_reason(
    straw: Straw, file: Path, capsys: pytest.CaptureFixture[str], state: str, code: int
) -> None:
    straw.job |= {"state": state, "error": {"message": "It ends too early.", "hint": ""}}
    assert push(straw, file) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "It ends too early. http://maps/jobs/1" in captured.err


def test_several_files_are_all_sent_though_one_is_missing(straw: Straw, file: Path) -> None:
    other = file.with_name("other.tif")
    other.write_bytes(CONTENT * 2)
    assert push(straw, file, other, file.with_name("absent.tif"), "--parallel", "2") == 1
    assert sorted(map(len, straw.files.values())) == [len(CONTENT), 2 * len(CONTENT)]


def test_a_file_that_is_still_being_checked_is_waited_for(straw: Straw, file: Path) -> None:
    straw.checks = 3
    assert push(straw, file) == 0
    assert straw.checks == 0


def test_files_that_belong_together_make_one_map(
    straw: Straw, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = file.with_name("dem.tfw")
    other.write_bytes(CONTENT)
    assert push(straw, file, other, "--as-one", "--id", "both", "--private") == 0
    (product,) = straw.products
    assert product["path"] == "/api/collections/alps/products"
    sent = {straw.names[address]: address for address in product["uploads"]}
    assert list(sent) == ["dem.tif", "dem.tfw"], "in the order of the command line"
    assert (product["id"], product["visibility"]) == ("both", "private")
    assert capsys.readouterr().out == "http://maps/products/alps/dem\n"
    assert states(tmp_path) == []


def test_a_set_that_was_stopped_before_its_map_sends_no_byte_again(
    straw: Straw, file: Path, tmp_path: Path
) -> None:
    other = file.with_name("other.tif")
    other.write_bytes(CONTENT)
    straw.refusal = None
    straw.failures = []
    assert push(straw, file, other, file.with_name("absent.tif"), "--as-one") == 1
    assert straw.products == [], "a part of the files makes no map"
    assert len(states(tmp_path)) == 2
    parts = sum(method == "PATCH" for method, _ in straw.requests)
    assert push(straw, file, other, "--as-one") == 0
    assert sum(method == "PATCH" for method, _ in straw.requests) == parts
    assert len(straw.products[0]["uploads"]) == 2


def test_a_map_that_is_not_ready_to_be_made_is_asked_for_again(straw: Straw, file: Path) -> None:
    assert push(straw, file, file.with_name("absent"), "--as-one") == 1
    straw.failures = [503, 423]
    assert push(straw, file, "--as-one") == 0
    assert len(straw.products) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "new one at /accounts/tokens/"), (403, "scope write"), (404, "no such collection"),
     (409, "an id that is taken"), (413, "larger than the server"), (507, "no room left")],
)  # fmt: skip
def test_a_refusal_without_words_is_explained(
    straw: Straw, file: Path, capsys: pytest.CaptureFixture[str], status: int, words: str
) -> None:
    straw.bare_refusal = status
    assert push(straw, file) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["push"], ["push", "a.tif"], ["push", "a", "b", "--collection", "c", "--server", "x",
                                   "--token", "t", "--id", "i"]],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2

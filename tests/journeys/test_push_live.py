"""`rastrum push` as its users start it, against the real server, with either side killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.client import Client
from tests.journeys.cutting import TUS, kill_web
from tests.journeys.rasters import write_elevation, write_photograph
from tests.services.product import ROOT, Product

pytestmark = [pytest.mark.services, pytest.mark.faults]

C = "pushed"
LARGE = 120 * 10**6


@pytest.fixture(scope="module")
def owner(live_product: Product) -> Client:
    client = Client(live_product.url, live_product.token())
    client.make_collection(C)
    return client


@pytest.fixture
def start(live_product: Product, owner: Client, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts the command in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def push(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        env = os.environ | {
            "PYTHONPATH": str(ROOT / "client"), "RASTRUM_SERVER": live_product.url,
            "RASTRUM_TOKEN": live_product.token(), "XDG_STATE_HOME": str(tmp_path / "state"),
            "NO_PROXY": "127.0.0.1", **environment,
        }  # fmt: skip
        command = [sys.executable, "-m", "rastrum_client", "push", *map(str, arguments)]
        started.append(
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
        )  # fmt: skip
        return started[-1]

    yield push
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def run(start: Callable[..., Any]) -> Callable[..., tuple[int, str, str]]:
    """Exit code, standard output and standard error of the whole command."""

    def push(*arguments: object, **environment: str) -> tuple[int, str, str]:
        process = start(*arguments, **environment)
        output, errors = process.communicate(timeout=240)
        return process.returncode, output, errors

    return push


def noise(path: Path, seed: int) -> Path:
    path.write_bytes(random.Random(seed).randbytes(LARGE))
    return path


def wait_for_upload(owner: Client, process: subprocess.Popen[str], least: int) -> int:
    """Bytes that are safe, once they are at least so many."""
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, "it has ended already"
        assert time.monotonic() < deadline, "nothing arrives"
        state = Path(process.args_state).glob("rastrum/*.json")  # type: ignore[attr-defined]
        for file in state:
            address = file.read_text().split('"')[3]
            head = owner.request("HEAD", address, headers=TUS)
            if head.ok and int(head.headers["Upload-Offset"]) >= least:
                return int(head.headers["Upload-Offset"])
        time.sleep(0.05)


def test_files_become_maps_whose_addresses_are_printed(
    run: Callable[..., Any], owner: Client, tmp_path: Path
) -> None:
    files = [write_elevation(tmp_path / "heights.tif"), write_photograph(tmp_path / "photo.tif")]
    code, output, errors = run(*files, "--collection", C, "--parallel", 2)
    assert code == 0, errors
    assert sorted(line.rpartition("/")[2] for line in output.split()) == ["heights", "photo"]
    assert all(owner.get(f"/api/products/{C}/{name}").ok for name in ("heights", "photo"))


def test_a_file_that_is_no_raster_says_why_and_ends_with_1(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "notes.tif").write_text("no raster at all")
    code, output, errors = run(tmp_path / "notes.tif", "--collection", C)
    assert (code, output) == (1, "")
    assert "notes.tif: rejected:" in errors


def test_files_that_belong_together_make_one_map(
    run: Callable[..., Any], owner: Client, tmp_path: Path
) -> None:
    files = [write_elevation(tmp_path / "east.tif"), write_photograph(tmp_path / "west.tif")]
    code, output, errors = run(*files, "--collection", C, "--as-one", "--id", "both")
    assert code == 0, errors
    assert len(output.split()) == 1
    assets = owner.document(f"/api/products/{C}/both")["assets"]
    originals = [asset["name"] for asset in assets if asset["role"] == "original"]
    assert originals == ["east.tif", "west.tif"]


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--collection", "absent"), {}, "absent"),
        (("--collection", C, "--id", "Not An Id"), {}, "id"),
        (("--collection", C), {"RASTRUM_TOKEN": "rst_wrong"}, "wrong, revoked or expired"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    run: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...],
    environment: dict[str, str], words: str,
) -> None:  # fmt: skip
    file = write_elevation(tmp_path / "refused.tif")
    code, output, errors = run(file, *arguments, **environment)
    assert (code, output) == (1, "")
    assert words in errors


def test_a_killed_client_and_a_killed_server_go_on_where_they_were(
    start: Callable[..., Any], run: Callable[..., Any], owner: Client, live_product: Product,
    tmp_path: Path,
) -> None:  # fmt: skip
    file = noise(tmp_path / "large.tif", 21)
    first = start(file, "--collection", C)
    first.args_state = tmp_path / "state"
    safe = wait_for_upload(owner, first, 16 * 2**20)
    first.send_signal(signal.SIGKILL)
    first.wait()

    second = start(file, "--collection", C)
    second.args_state = tmp_path / "state"
    assert wait_for_upload(owner, second, safe) >= safe, "nothing is sent again"
    kill_web(live_product)
    _, errors = second.communicate(timeout=240)
    assert "rejected" in errors, "noise is no raster, but all of it has arrived"
    assert second.returncode == 1
    (job,) = [job for job in owner.document("/api/jobs")["items"]
              if job["file_name"] == "large.tif"]  # fmt: skip
    assert job["state"] == "rejected"

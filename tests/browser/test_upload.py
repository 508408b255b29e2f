"""An upload in a real browser that loses its network, its server and its page, and is finished."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.cutting import kill_web, originals, sha256_of
from tests.services.product import Product, running_product

pytestmark = [pytest.mark.services, pytest.mark.browser, pytest.mark.faults]

ROOT = Path(__file__).resolve().parents[2]
SIZE = 200 * 10**6 + 1


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="rastrum-browser-", dir="/tmp"))
    try:
        with running_product(folder, PUBLISH_SAMPLE="no") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(4).randbytes(SIZE)


@pytest.fixture(scope="module")
def seen(
    product: Product, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the browser saw."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not (ROOT / "node_modules" / "playwright-core").is_dir():
        pytest.skip("Chromium or the front-end packages are not installed")
    folder = tmp_path_factory.mktemp("upload")
    file, other = folder / "noise.tif", folder / "other.tif"
    file.write_bytes(content)
    other.write_bytes(b"II*\0" * 1000)
    given = {
        "chromium": chromium, "url": product.url, "user": product.admin_user,
        "password": product.admin_password, "file": str(file), "other": str(other),
        "shots": str(folder),
    }  # fmt: skip
    node = shutil.which("node") or str(ROOT / "build" / "node" / "node")
    with subprocess.Popen(
        [node, str(Path(__file__).with_name("upload_journey.mjs")), json.dumps(given)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stderr is not None
        assert run.stdin is not None
        errors = ""
        while line := run.stderr.readline():
            if line == "kill\n":
                kill_web(product)
                run.stdin.write("killed\n")
                run.stdin.flush()
            else:
                errors += line
        output, _ = run.communicate(timeout=240)
    assert run.returncode == 0, errors[-3000:]
    result: dict[str, Any] = json.loads(output)
    return result


def test_the_stored_bytes_are_those_of_the_file(
    seen: dict[str, Any], product: Product, content: bytes
) -> None:
    assert [sha256_of(path) for path in originals(product)] == [hashlib.sha256(content).hexdigest()]


def test_a_reloaded_page_asks_for_the_file_and_goes_on_where_it_was(seen: dict[str, Any]) -> None:
    percent = int(seen["unfinished"].split()[-2])
    assert seen["unfinished"] == f"Choose noise.tif again to continue at {percent} %."
    assert 0 < percent < 100
    assert seen["resumedAt"] * 100 // SIZE >= percent
    assert seen["left"] == 0


def test_a_pause_says_what_is_safe(seen: dict[str, Any]) -> None:
    assert seen["paused"].startswith("Paused")
    assert seen["paused"].endswith("% is safe.")


def test_a_lost_connection_is_told_and_tried_again(seen: dict[str, Any]) -> None:
    assert seen["offline"].startswith("Connection lost. Trying again; ")
    assert "% is safe." in seen["offline"]
    assert seen["online"].startswith("Uploading")


def test_a_killed_server_is_waited_for(seen: dict[str, Any]) -> None:
    assert seen["restarted"].startswith("Uploading")


def test_a_cancelled_upload_is_removed_from_the_server(
    seen: dict[str, Any], product: Product
) -> None:
    assert seen["cancelled"] == 204
    assert not list((product.data_dir / "work" / "resumable").iterdir())


def test_the_page_does_not_fail(seen: dict[str, Any]) -> None:
    assert seen["complaints"] == []

"""tus-js-client, which many programs use, against the real server: pieces sent in parallel."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.journeys.client import Client
from tests.journeys.cutting import sha256_of, wait_for_job
from tests.journeys.rasters import write_large
from tests.services.product import ROOT, Product

pytestmark = [pytest.mark.services, pytest.mark.clients]


@pytest.mark.parametrize("pieces", [2, 5])
def test_pieces_that_come_at_once_become_one_map(
    live_product: Product, tmp_path: Path, pieces: int
) -> None:
    node = shutil.which("node") or str(ROOT / "build" / "node" / "node")
    if not Path(node).is_file() or not (ROOT / "node_modules" / "tus-js-client").is_dir():
        pytest.skip("Node or the front-end packages are not installed")
    owner = Client(live_product.url, live_product.token())
    owner.post("/api/collections", json={"id": "parallel"})
    source = write_large(tmp_path / "parallel.tif", 1536)
    given = {"url": live_product.url, "token": live_product.token(), "file": str(source),
             "pieces": pieces}  # fmt: skip
    done = subprocess.run(
        [node, str(Path(__file__).with_name("tus_parallel.mjs")), json.dumps(given)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    address = done.stdout.strip().removeprefix(live_product.url)
    job = wait_for_job(owner, address).headers["Upload-Job"].rpartition("/")[2]
    state = owner.wait_for(job)
    assert state["state"] == "published", state["error"]
    assets = owner.document(f"/api/products/{state['product']}")["assets"]
    (original,) = [asset for asset in assets if asset["role"] == "original"]
    assert original["sha256"] == sha256_of(source)

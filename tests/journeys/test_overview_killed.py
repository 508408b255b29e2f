"""A worker that is killed while it builds an overview: another one does it."""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.journeys.client import Client
from tests.journeys.rasters import write_photograph
from tests.services.product import Product, running_product

pytestmark = pytest.mark.faults
C = "whole"
WORLD = f"/tiles/{C}/WebMercatorQuad/0/0/0.png"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A server with short times, in which failpoints can be armed."""
    folder = Path(tempfile.mkdtemp(prefix="rastrum-kill-", dir="/tmp"))
    (folder / "armed").mkdir()
    times = {"LEASE_SECONDS": "2", "SWEEP_SECONDS": "1", "OVERVIEW_SECONDS": "1"}
    try:
        with running_product(
            folder / "data", FAILPOINTS=str(folder / "armed"), PUBLISH_SAMPLE="no", **times
        ) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def arm(product: Product, place: str) -> Path:
    armed = product.data_dir.parent / "armed"
    (armed / "draft").write_text("kill")
    (armed / "draft").rename(armed / place)
    return armed / f"{place}.taken"


def wait_for_overview(public: Client, taken: Path) -> np.ndarray:
    """Its picture, once a builder was killed and nothing is drawn live any more."""
    deadline = time.monotonic() + 90
    while True:
        answer = public.get(WORLD)
        assert answer.status_code == 200
        if taken.exists() and answer.headers["X-Assets"] == "0":
            return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
        assert time.monotonic() < deadline, (taken, dict(answer.headers))
        time.sleep(0.5)


def test_a_killed_builder_is_replaced(product: Product, tmp_path: Path) -> None:
    owner, public = Client(product.url, product.token()), Client(product.url)
    owner.make_collection(C)
    taken = arm(product, "overviews.store.before")
    job = owner.upload(C, write_photograph(tmp_path / "photograph.tif"), id="photograph")
    assert owner.wait_for(job["id"])["state"] == "published"
    assert wait_for_overview(public, taken)[..., 3].any()

    taken = arm(product, "overviews.store.after")
    change = {"visibility": "private"}
    owner.request("PATCH", f"/api/products/{C}/photograph", json=change).raise_for_status()
    first = public.get(WORLD)
    assert not np.asarray(Image.open(io.BytesIO(first.content)).convert("RGBA"))[..., 3].any()
    assert not wait_for_overview(public, taken)[..., 3].any()

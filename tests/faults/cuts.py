"""Resumable uploads cut at random places, hundreds of times; each must end with its bytes."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
import time
from pathlib import Path

from tests.faults.tallies import Tally
from tests.journeys.client import Client
from tests.journeys.cutting import cut_upload, originals, sha256_of
from tests.services.product import Product, running_product

CUTS_EACH = 20
SIZE = 20 * 10**6 + 321


def run(seed: int, count: int) -> Tally:
    """Uploads with CUTS_EACH cuts each until there were `count`. The seed of upload n is
    `seed` + n."""
    tally = Tally("random cuts", seed)
    folder = Path(tempfile.mkdtemp(prefix="rastrum-cuts-", dir="/tmp"))
    try:
        with running_product(folder, PUBLISH_SAMPLE="no") as product:
            owner = Client(product.url, product.token())
            owner.make_collection("cut")
            while tally.count < count:
                _one(product, owner, tally, min(CUTS_EACH, count - tally.count))
                print(f"{tally.count} cuts, {len(tally.problems)} problems", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tally


def _one(product: Product, owner: Client, tally: Tally, cuts: int) -> None:
    seed = tally.seed + tally.count // CUTS_EACH
    content = random.Random(seed).randbytes(SIZE)
    began = time.monotonic()
    try:
        cut_upload(product, owner, content, cuts=cuts, seed=seed)
        stored = {sha256_of(path) for path in originals(product)}
        wrong = [] if hashlib.sha256(content).hexdigest() in stored else ["other bytes came"]
    except AssertionError as error:
        wrong = [str(error)]
    for number in range(cuts):
        share = (time.monotonic() - began) / cuts
        tally.add(share, wrong if number == 0 else [], where=f"upload of seed {seed}")

"""The whole product with real engines, and everything that a fault test needs around it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.auditor import AuditFailed, Auditor
from tests.faults.callers import C
from tests.faults.ledger import Ledger
from tests.journeys.client import Client
from tests.journeys.roles import client_of
from tests.services import ceph
from tests.services.product import Product, running_product

SETTINGS = {
    "LEASE_SECONDS": "4", "SWEEP_SECONDS": "1", "RETRY_SECONDS": "1", "MAX_ATTEMPTS": "6",
    "OVERVIEW_SECONDS": "1", "REMOVAL_GRACE_SECONDS": "1", "RECONCILE_SECONDS": "0",
    "MIN_FREE_BYTES": "1000000", "STORE_READ_SECONDS": "4", "PUBLISH_SAMPLE": "no",
    "WEB_PROCESSES": "2", "WORKER_PROCESSES": "2",
}  # fmt: skip
"""Times are short, so that a test need not wait; what is done is the same."""
SETTLE_SECONDS = 120
BUCKET = "faults"


@dataclass
class World:
    """One running product."""

    product: Product
    failpoints: Path
    auditor: Auditor
    store: ceph.ObjectStore | None = None
    """None: the store is a folder."""
    ledger: Ledger = field(default_factory=Ledger)
    box: Path = Path()
    """The drop box."""
    _arms: Iterator[int] = field(default_factory=itertools.count)

    def client(self, user: str = "admin") -> Client:
        """A client of its own connection; user "" is the public."""
        return Client(self.product.url, self.product.token(user) if user else "")

    def arm(self, place: str, fault: str) -> None:
        """The next process that reaches the place fails there, once."""
        draft = self.failpoints / f".draft-{next(self._arms)}"
        draft.write_text(fault)
        draft.replace(self.failpoints / place)

    def is_armed(self, place: str) -> bool:
        """Whether nobody has reached the place yet."""
        return (self.failpoints / place).exists()

    def disarm(self) -> None:
        """No fault is waiting any more."""
        for path in self.failpoints.iterdir():
            path.unlink()

    def settle(self, seconds: float = SETTLE_SECONDS) -> str:
        """Wait until every job rests and all engines answer; what is still wrong in the end."""
        deadline, wrong = time.monotonic() + seconds, "nothing was asked"
        while time.monotonic() < deadline:
            wrong = self._unrest()
            if not wrong:
                return ""
            time.sleep(0.25)
        return wrong

    def waits_in_the_box(self) -> list[str]:
        """Names of files that were dropped and are not put away yet."""
        return [path.name for path in self.box.glob("*/*.tif")]

    def wait_for_the_box(self, seconds: float = 60) -> None:
        """Until it is empty, or something else has stopped the scheduler: settling tells."""
        deadline = time.monotonic() + seconds
        while self.waits_in_the_box() and time.monotonic() < deadline:
            time.sleep(0.25)

    def _unrest(self) -> str:
        if waiting := self.waits_in_the_box():
            return f"files wait in the drop box: {waiting}"
        try:
            if busy := self.auditor.ask("unfinished"):
                return f"jobs have not ended: {busy[:3]}"
        except AuditFailed as error:
            return str(error)
        status = self.product.get("/readyz")
        return "" if status == 200 else f"/readyz answers {status}"


@contextmanager
def world(*, store: str, **settings: str) -> Iterator[World]:
    """A product on durable engines; `store` is `folder` or `ceph` (BlueStore)."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="rastrum-faults-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        failpoints = folder / "failpoints"
        failpoints.mkdir()
        box = folder / "box"
        env = SETTINGS | {"FAILPOINTS": str(failpoints), "DROPBOX_URL": f"file://{box}"} | settings
        bucket = None
        if store == "ceph":
            bucket = stack.enter_context(ceph.object_store(folder / "ceph", durable=True))
            env |= {"STORAGE_URL": bucket.make_bucket(BUCKET)} | settings
        product = stack.enter_context(running_product(folder / "data", **env))
        auditor = Auditor(product.env)
        stack.callback(auditor.stop)
        built = World(product, failpoints, auditor, bucket, box=box)
        client_of(product, "stranger")
        built.client().make_collection(C)
        yield built


def job_of(client: Client, job: str) -> dict[str, Any]:
    """The job as the API shows it."""
    return client.document(f"/api/jobs/{job}")

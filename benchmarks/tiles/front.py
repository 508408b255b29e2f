"""nginx before our server, by the operator's example in deploy/nginx.conf."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.tiles.peers import Peer
from tests.services import nginx
from tests.services.product import Product


@contextmanager
def front(folder: Path, product: Product) -> Iterator[Peer | None]:
    """The example on a free port; None where nginx is missing."""
    if not nginx.is_installed():
        yield None
        return
    work = folder / "front"
    work.mkdir(exist_ok=True)
    with nginx.nginx(work, urlsplit(product.url).netloc) as url:
        yield Peer(url, (int((work / "nginx.pid").read_text()),))

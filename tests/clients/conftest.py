"""Products that the client tests draw, and the clients themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyproj import Transformer

from tests.clients.comparing import Bounds
from tests.clients.qgis_process import PACKAGE, Qgis, running_qgis
from tests.journeys.client import Client
from tests.journeys.rasters import write_elevation, write_photograph
from tests.journeys.roles import client_of
from tests.services.product import Product

C = "clients"


@dataclass(frozen=True)
class Published:
    """A product, the file that it was made from, and the server's address."""

    base: str
    facts: dict[str, Any]
    source: Path

    @property
    def id(self) -> str:
        return str(self.facts["id"])

    @property
    def layer(self) -> str:
        """Its name in WMTS and OGC API."""
        return f"{C}:{self.id}"

    def extent(self, share: float = 0.5) -> Bounds:
        """The middle of its bbox in EPSG:3857; `share` of its width and height."""
        left, bottom, right, top = self.facts["bbox"]
        to_mercator = Transformer.from_crs("OGC:CRS84", "EPSG:3857", always_xy=True)
        (x0, y0), (x1, y1) = (to_mercator.transform(*p) for p in ((left, bottom), (right, top)))
        dx, dy = (x1 - x0) * (1 - share) / 2, (y1 - y0) * (1 - share) / 2
        return x0 + dx, y0 + dy, x1 - dx, y1 - dy

    @property
    def cog_address(self) -> str:
        return next(a["href"] for a in self.facts["assets"] if a["role"] == "data")


@pytest.fixture(scope="session")
def publisher(live_product: Product) -> Client:
    client = client_of(live_product, "clara")
    client.make_collection(C)
    return client


@pytest.fixture(scope="session")
def photograph(publisher: Client, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Three bands of unlike colours."""
    path = write_photograph(tmp_path_factory.mktemp("photograph") / "photograph.tif")
    return Published(publisher.base, publisher.publish(C, path), path)


@pytest.fixture(scope="session")
def elevation(publisher: Client, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """One float band along a colour ramp."""
    path = write_elevation(tmp_path_factory.mktemp("elevation") / "elevation.tif")
    return Published(publisher.base, publisher.publish(C, path), path)


@pytest.fixture(scope="session")
def sentinel(publisher: Client, corpus: Path) -> Published:
    """A real scene: Sentinel-2 in true colour."""
    path = corpus / "sentinel2" / "t34_tci_truecolour.tif"
    return Published(publisher.base, publisher.publish(C, path), path)


@pytest.fixture(scope="session")
def qgis() -> Iterator[Qgis]:
    if not PACKAGE.is_dir():
        pytest.skip("QGIS is not installed: python3-qgis")
    with running_qgis() as running:
        yield running

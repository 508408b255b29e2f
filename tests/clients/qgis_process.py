"""A QGIS that is kept running: each drawing would otherwise wait seconds for its start."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from tests.clients.comparing import Bounds, Drawing

PYTHON = "/usr/bin/python3"
"""QGIS's bindings are Debian's, so is the Python that imports them."""
SCRIPT = Path(__file__).with_name("qgis_draw.py")
PACKAGE = Path("/usr/lib/python3/dist-packages/qgis")


@dataclass(frozen=True)
class Drawn:
    """What QGIS said of a layer, and what it drew."""

    answer: dict[str, Any]
    picture: Path

    @property
    def drawing(self) -> Drawing:
        pixels = np.asarray(Image.open(self.picture).convert("RGB"))
        return Drawing(pixels, tuple(self.answer["bounds"]))


class Qgis:
    """Speaks to `qgis_draw.py` line by line."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder, self._count = process, folder, 0

    def draw(self, extent: Bounds, **layer: str) -> Drawn:
        """Draw a layer (`provider` and `source`, or `qlr`); AssertionError where it is invalid."""
        self._count += 1
        picture = self._folder / f"{self._count}.png"
        request = {**layer, "extent": extent, "picture": str(picture)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"QGIS died on {layer}"
        answer = json.loads(line)
        assert answer["valid"], answer
        return Drawn(answer, picture)


@contextmanager
def running_qgis() -> Iterator[Qgis]:
    """QGIS without a screen, in a profile of its own."""
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env |= {"QT_QPA_PLATFORM": "offscreen", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [PYTHON, str(SCRIPT)], env=env, cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield Qgis(process, Path(folder))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def xyz_source(template: str, max_zoom: int = 18) -> str:
    """What "New XYZ connection" makes of an address."""
    return f"type=xyz&url={quote(template, safe=':/{}')}&zmin=0&zmax={max_zoom}"


def wmts_source(
    capabilities: str, layer: str, matrix_set: str, *, image_format: str = "image/png",
    style: str = "default",
) -> str:  # fmt: skip
    """What "Add layer" of a WMTS connection makes of its choices."""
    choices = {
        "crs": "EPSG:3857", "dpiMode": "7", "format": image_format, "layers": layer,
        "styles": style, "tileMatrixSet": matrix_set, "url": capabilities,
    }  # fmt: skip
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in choices.items())


def features_source(landing_page: str, collection: str) -> str:
    """What "Add layer" of an OGC API - Features connection makes of its choices."""
    return (
        f" pagingEnabled='true' restrictToRequestBBOX='1' srsname='OGC:CRS84' "
        f"typename='{collection}' url='{landing_page}' version='OGC_API_FEATURES'"
    )

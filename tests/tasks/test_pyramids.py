"""Drawing ahead of time in the process that is shut in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from repository.rendering_style import RenderingStyle
from tasks.pixel_children import stop_drawing
from tasks.pyramids import PyramidOrder, order_to_json
from tasks.sandbox import PixelProcess
from tests.rasters import gradient, info_of, write_raster
from tests.tiler.refs import ref_of

pytestmark = pytest.mark.faults
STYLE = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 120),))


def test_it_compiles_what_it_needs_where_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new machine, and a type of which nobody has drawn a tile: what a child compiles it may
    not write down."""
    stop_drawing()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    folder = tmp_path / "work"
    folder.mkdir()
    raster = write_raster(folder / "data.tif", gradient("float64", 300, 300))
    info = replace(info_of(raster), bounds_wgs84=ref_of(raster).bounds_wgs84)
    order = order_to_json(PyramidOrder(info, STYLE, "png", 0, 1000))
    archive = folder / "a.pmtiles"
    with PixelProcess(folder, seconds=300, draws_tiles=True) as pixels:
        result = pixels.prerender(order, raster, archive, lambda share: None)
    stop_drawing()
    assert result["size"] == archive.stat().st_size > 0
    assert list((tmp_path / "compiled").rglob("*.nbc"))

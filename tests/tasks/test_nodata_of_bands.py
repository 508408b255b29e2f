"""Bands that differ in nodata: one value is kept, and that is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio
import rasterio.shutil

from tests.inspecting import inspect_set
from tests.rasters import gradient, write_raster

BAND = """<VRTRasterBand dataType="Byte" band="{band}"><NoDataValue>{nodata}</NoDataValue>
<SimpleSource><SourceFilename>{path}</SourceFilename><SourceBand>{band}</SourceBand>
</SimpleSource></VRTRasterBand>"""


def erdas(folder: Path, first: int, second: int) -> Path:
    """A file of two bands with these nodata values."""
    source = write_raster(folder / "source.tif", gradient("uint8", bands=2))
    with rasterio.open(source) as dataset:
        grid = ",".join(map(str, dataset.transform.to_gdal()))
        head = f"<SRS>{dataset.crs.to_wkt()}</SRS><GeoTransform>{grid}</GeoTransform>"
    bands = "".join(
        BAND.format(band=band, nodata=nodata, path=source)
        for band, nodata in ((1, first), (2, second))
    )
    vrt = folder / "two.vrt"
    vrt.write_text(f'<VRTDataset rasterXSize="50" rasterYSize="40">{head}{bands}</VRTDataset>')
    rasterio.shutil.copy(vrt, folder / "two.img", driver="HFA")
    return folder / "two.img"


@pytest.mark.parametrize(("second", "told"), [(2, True), (1, False)])
def test_nodata_values_that_differ_between_bands_are_told(
    tmp_path: Path, second: int, told: bool
) -> None:
    found = inspect_set({"a.img": erdas(tmp_path, 1, second)}, tmp_path / "job").rasters[0]
    assert [band.nodata for band in found.info.bands] == [1, second]
    assert ("nodata_of_first_band" in dict(found.info.warnings)) is told

"""Takes a file the way that inspection takes it, for tests: from its bytes to an open raster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from repository.errors import Rejected
from tasks.formats.checking import check, check_opened
from tasks.formats.limits import DEFAULT_LIMITS, Limits
from tasks.formats.listing import list_rasters, source_of
from tasks.formats.opening import open_raster
from tasks.formats.placing import place
from tasks.formats.recognition import recognise
from tasks.formats.records import Format, HeaderFacts, Listing, Subdataset
from tests.rasters import gradient, write_raster


@dataclass(frozen=True)
class Taken:
    """A file that was recognised, placed, checked and listed."""

    form: Format
    path: Path
    name: str
    header: HeaderFacts
    listing: Listing

    @contextmanager
    def opened(self, raster: Subdataset | None = None) -> Iterator[rasterio.DatasetReader]:
        source = source_of(self.form, self.path, raster or self.listing.rasters[0], self.name)
        with open_raster(source) as dataset:
            check_opened(dataset, self.header)
            yield dataset

    def read(self) -> np.ndarray:
        with self.opened() as dataset:
            return dataset.read()


def take(
    path: Path,
    *,
    name: str = "",
    sidecars: Mapping[str, Path] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Taken:
    """All steps up to the listing; the sidecars are the files of the same stem, if not named."""
    name = name or path.name
    if sidecars is None:
        sidecars = {
            other.suffix.lower(): other
            for other in path.parent.glob(f"{path.stem}.*")
            if other != path and other.suffix != ".xml"
        }
    form = recognise(path, name, sidecars)
    placed = place(form, path, name, sidecars, path.parent / uuid4().hex)
    header = check(form, placed, limits)
    return Taken(form, placed, name, header, list_rasters(form, placed, header))


def rejection(path: Path, **options: Any) -> Rejected:
    """The error by which a file is refused, which must come with a hint."""
    with pytest.raises(Rejected) as caught:
        _open(path, **options)
    assert caught.value.detail
    assert caught.value.hint
    assert str(path.parent) not in caught.value.detail
    return caught.value


def _open(path: Path, **options: Any) -> None:
    with take(path, **options).opened():
        pass


def write_as(path: Path, driver: str, pixels: np.ndarray | None = None, **options: Any) -> Path:
    """`pixels` (or a small gradient) as a file of `driver`; upper-case options are the driver's."""
    profile = {key: options.pop(key) for key in list(options) if key.islower()}
    pixels = gradient("uint8") if pixels is None else pixels
    source = write_raster(path.parent / f"{uuid4().hex}.tif", pixels, **profile)
    copy(str(source), str(path), driver=driver, **options)
    source.unlink()
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    return path


def cut(path: Path, share: float) -> Path:
    """The same file without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path

"""rio-tiler's mosaic_reader over some COGs: CPU milliseconds a tile, as JSON.

    python -m benchmarks.tiles.mosaic_peer '{"assets": [...], "tiles": [[z, x, y], ...]}'

No web server around it, which favours it.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

from rio_tiler.constants import MAX_THREADS
from rio_tiler.errors import EmptyMosaicError
from rio_tiler.io import Reader
from rio_tiler.models import ImageData
from rio_tiler.mosaic import mosaic_reader

warnings.filterwarnings("ignore")


def main() -> None:
    """With its default threads, and with none, which takes less CPU."""
    given = json.loads(sys.argv[1])
    print(json.dumps({
        "threads": _measure(given["assets"], given["tiles"], MAX_THREADS),
        "none": _measure(given["assets"], given["tiles"], 0),
    }))  # fmt: skip


def _measure(assets: list[str], tiles: list[list[int]], threads: int) -> float:
    for z, x, y in tiles[:2]:
        _tile(assets, z, x, y, threads)
    start = time.process_time()
    for z, x, y in tiles:
        _tile(assets, z, x, y, threads)
    return (time.process_time() - start) * 1000 / len(tiles)


def _tile(assets: list[str], z: int, x: int, y: int, threads: int) -> None:
    def read(asset: str, *numbers: int) -> ImageData:
        with Reader(asset) as reader:
            return reader.tile(*numbers)

    try:
        mosaic_reader(assets, read, x, y, z, threads=threads)[0].render(img_format="PNG")
    except EmptyMosaicError:
        return


if __name__ == "__main__":
    main()

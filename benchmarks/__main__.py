"""`make bench`: every benchmark in turn, each against its peers in one run.

BENCH=quick takes small rasters; the tables are printed and kept as JSON in
benchmarks/results. Compare ratios, not times: other machines are not this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.make_rasters import write_small
from tests.services.product import running_product

ROOT = Path(__file__).resolve().parents[1]
PRODUCTS = 60
"""Published for the OGC API's list: more than one page."""


def main() -> None:
    """Run them; the first that fails ends the run with its exit code."""
    size = ["--quick"] if os.environ.get("BENCH") == "quick" else []
    _run("Conversion against rio-cogeo and GDAL", "convert", *size)
    _run("Tiles beside the peers", "tiles", *size)
    if shutil.which("nginx"):
        _run("Uploads against nginx", "uploads", *size)
    _run("Registration of small rasters", "registration", *size)
    _measure_items()


def _run(title: str, module: str, *arguments: str) -> None:
    print(f"\n# {title}\n", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        sys.exit(code)


def _measure_items() -> None:
    """CPU of one page of OGC API items, on a server of its own with enough products."""
    with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as folder:
        files = [write_small(Path(folder) / f"small-{n}.tif", n) for n in range(PRODUCTS)]
        with running_product(Path(folder) / "data") as product:
            product.manage("ingest", *map(str, files), "--collection", "uploads")
            _run("OGC API items", "ogc_items", "--url", product.url,
                 "--data-dir", str(product.data_dir), "--collection", "uploads")  # fmt: skip


if __name__ == "__main__":
    main()

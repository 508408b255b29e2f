"""Conversion beside its peers: seconds, CPU, peak memory and size, in turns, as ratios.

    python benchmarks/convert.py [--quick | --large] [--src FILE --kind KIND] [--rounds N]

Every case runs in its own process; cases take turns within a round, so that a
busy machine slows all alike. The first case is the one that ratios refer to.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import rasterio  # noqa: E402

from benchmarks.make_rasters import KINDS, write_raster  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
RIO = str(Path(sys.executable).with_name("rio"))
RESAMPLING = {"classes": "mode"}
PREDICTOR = {"rgb": "2", "reflectance": "2", "index": "3", "classes": "1"}
SIZES = {
    "quick": {"rgb": 60, "reflectance": 80, "index": 60, "classes": 60},
    "normal": {"rgb": 400, "reflectance": 1000, "index": 400, "classes": 400},
    "large": {"reflectance": 3000},
}
"""Megabytes of pixels by kind."""


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output_mb: float


def ours(source: Path, destination: Path, kind: str) -> list[str]:
    """Our conversion, statistics left out, as a peer has none either."""
    return [sys.executable, __file__, "--convert", str(source), str(destination), "--kind", kind]


def rio_cogeo(source: Path, destination: Path, kind: str) -> list[str]:
    """The same codec, level, predictor and blocks through rio-cogeo."""
    return [
        RIO, "cogeo", "create", "-q", "-p", "zstd", "--blocksize", "256",
        "--co", "ZSTD_LEVEL=3", "--co", f"PREDICTOR={PREDICTOR[kind]}",
        "--overview-resampling", RESAMPLING.get(kind, "average"), str(source), str(destination),
    ]  # fmt: skip


def gdal_cog(source: Path, destination: Path, kind: str) -> list[str]:
    """GDAL's COG driver, all threads."""
    code = (
        "import sys, rasterio.shutil as s; s.copy(sys.argv[1], sys.argv[2], driver='COG', "
        "COMPRESS='ZSTD', LEVEL='3', BLOCKSIZE='256', NUM_THREADS='ALL_CPUS', "
        f"PREDICTOR='{'NO' if kind == 'classes' else 'YES'}', "
        f"OVERVIEW_RESAMPLING='{RESAMPLING.get(kind, 'average').upper()}')"
    )
    return [sys.executable, "-c", code, str(source), str(destination)]


CASES: dict[str, Callable[[Path, Path, str], list[str]]] = {
    "rio cogeo create": rio_cogeo,
    "GDAL COG driver": gdal_cog,
    "rastrum": ours,
}


def measure(command: list[str], destination: Path) -> Run:
    """Run a command to its end. Raises CalledProcessError where it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    size = destination.stat().st_size / 1e6
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, usage.ru_maxrss / 1024, size)


def compare(source: Path, kind: str, rounds: int) -> dict[str, list[Run]]:
    """All cases on one source, taking turns."""
    runs: dict[str, list[Run]] = {name: [] for name in CASES}
    destination = source.with_suffix(".cog.tif")
    for _ in range(rounds):
        for name, command in CASES.items():
            runs[name].append(measure(command(source, destination, kind), destination))
            destination.unlink()
    return runs


def print_table(title: str, megabytes: float, runs: dict[str, list[Run]]) -> None:
    """Medians of a case and its ratio to the first."""
    print(f"\n{title}, {megabytes:.0f} MB of pixels")
    print(
        f"{'case':18} {'s':>6} {'MB/s':>6} {'ratio':>6} {'CPU s':>6} {'peak MB':>8} {'out MB':>7}"
    )
    first = statistics.median(run.seconds for run in next(iter(runs.values())))
    for name, of_case in runs.items():
        seconds = statistics.median(run.seconds for run in of_case)
        cpu = statistics.median(run.cpu_seconds for run in of_case)
        peak = max(run.peak_mb for run in of_case)
        print(
            f"{name:18} {seconds:6.1f} {megabytes / seconds:6.0f} {first / seconds:6.2f} "
            f"{cpu:6.1f} {peak:8.0f} {of_case[0].output_mb:7.0f}",
            flush=True,
        )


def convert_one(source: Path, destination: Path, kind: str) -> None:
    """The child process of `ours`."""
    from tasks.conversion import convert
    from tests.rasters import info_of

    meaning = {"rgb": "rgb", "classes": "classes"}.get(kind, "measurement")
    convert(source, destination, info_of(source, meaning))  # type: ignore[arg-type]


def sources(arguments: argparse.Namespace, folder: Path) -> dict[str, tuple[Path, str]]:
    """Title -> file and kind: the given one, or generated ones of the chosen size."""
    if arguments.src:
        return {arguments.src.name: (arguments.src, arguments.kind)}
    size = "quick" if arguments.quick else "large" if arguments.large else "normal"
    kinds = arguments.only.split(",") if arguments.only else SIZES[size]
    # In a process of its own: a child's peak memory starts at that of its parent.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as generator:
        return {
            kind: (
                generator.submit(
                    write_raster, folder / f"{kind}.tif", kind, SIZES[size][kind]
                ).result(),
                kind,
            )
            for kind in kinds
        }


def decoded_bytes(source: Path) -> int:
    """Size of all pixels of a raster once decompressed."""
    with rasterio.open(source) as dataset:
        pixel = sum(np.dtype(dtype).itemsize for dtype in dataset.dtypes)
        return int(dataset.width * dataset.height * pixel)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small rasters, under a minute")
    parser.add_argument("--large", action="store_true", help="3 GB of pixels")
    parser.add_argument("--only", help="kinds, separated by commas")
    parser.add_argument("--src", type=Path, help="a raster of your own")
    parser.add_argument("--kind", default="reflectance", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tmp", type=Path, help="where rasters are written")
    parser.add_argument("--convert", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.convert:
        convert_one(*arguments.convert, arguments.kind)
        return
    report = {}
    with tempfile.TemporaryDirectory(dir=arguments.tmp) as folder:
        for title, (source, kind) in sources(arguments, Path(folder)).items():
            megabytes = decoded_bytes(source) / 1e6
            runs = compare(source, kind, arguments.rounds)
            print_table(title, megabytes, runs)
            report[title] = {name: [asdict(run) for run in of] for name, of in runs.items()}
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"convert-{time.strftime('%Y%m%dT%H%M%S')}.json"
    target.write_text(json.dumps(report, indent=1))
    print(f"\n{target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""Conversion beside its peers: seconds, CPU, peak memory and size, in turns, as ratios.

    python benchmarks/convert.py [--quick | --large] [--src FILE --kind KIND] [--rounds N]

Every case runs in its own process; cases take turns within a round, so that a busy machine
slows all alike. Each of our cases has the peer that it is compared with: rio-cogeo with the
same codec, level, predictor and blocks, and rio-cogeo as it is by default. What was claimed
and is missed is printed last.
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
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import rasterio  # noqa: E402

from benchmarks.make_rasters import KINDS, write_raster  # noqa: E402
from repository.raster_info import Kind  # noqa: E402
from tasks.cog_profiles import PROFILES  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
RIO = str(Path(sys.executable).with_name("rio"))
RESAMPLING = {"classes": "mode"}
MEANING: dict[str, Kind] = {
    "rgb": "rgb", "classes": "classes", "reflectance": "measurement", "index": "measurement",
}  # fmt: skip
DEFLATE_LEVEL = 6
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


def ours_deflate(source: Path, destination: Path, kind: str) -> list[str]:
    """Our conversion with the codec of most COGs."""
    return [*ours(source, destination, kind), "--codec", "deflate"]


def rio_cogeo(source: Path, destination: Path, kind: str) -> list[str]:
    """The codec, level, predictor and blocks of our profile through rio-cogeo."""
    level = PROFILES[MEANING[kind]].level
    return _rio_same(source, destination, kind, "zstd", f"ZSTD_LEVEL={level}")


def rio_deflate(source: Path, destination: Path, kind: str) -> list[str]:
    """DEFLATE with our predictor and blocks through rio-cogeo."""
    return _rio_same(source, destination, kind, "deflate", f"ZLEVEL={DEFLATE_LEVEL}")


def rio_default(source: Path, destination: Path, kind: str) -> list[str]:
    """What rio-cogeo does when it is told nothing."""
    return [RIO, "cogeo", "create", "-q", str(source), str(destination)]


def _rio_same(source: Path, destination: Path, kind: str, profile: str, level: str) -> list[str]:
    return [
        RIO, "cogeo", "create", "-q", "-p", profile, "--blocksize", "256",
        "--co", level, "--co", f"PREDICTOR={PREDICTOR[kind]}",
        "--overview-resampling", RESAMPLING.get(kind, "average"), str(source), str(destination),
    ]  # fmt: skip


def gdal_cog(source: Path, destination: Path, kind: str) -> list[str]:
    """GDAL's COG driver, all threads, in the codec of our profile."""
    code = (
        "import sys, rasterio.shutil as s; s.copy(sys.argv[1], sys.argv[2], driver='COG', "
        f"COMPRESS='ZSTD', LEVEL='{PROFILES[MEANING[kind]].level}', BLOCKSIZE='256', "
        f"NUM_THREADS='ALL_CPUS', PREDICTOR='{'NO' if kind == 'classes' else 'YES'}', "
        f"OVERVIEW_RESAMPLING='{RESAMPLING.get(kind, 'average').upper()}')"
    )
    return [sys.executable, "-c", code, str(source), str(destination)]


CASES: dict[str, Callable[[Path, Path, str], list[str]]] = {
    "rio cogeo, ZSTD": rio_cogeo,
    "rio cogeo, DEFLATE": rio_deflate,
    "rio cogeo, default": rio_default,
    "GDAL COG, ZSTD": gdal_cog,
    "rastrum, DEFLATE": ours_deflate,
    "rastrum": ours,
}


@dataclass(frozen=True)
class Claim:
    """Our case is so many times as fast as a peer's, and its file so many times as large."""

    case: str
    peer: str
    least_speed: float
    least_speed_large: float
    """Beyond a gigabyte of pixels."""
    most_size: float = 1.1


CLAIMS = (
    Claim("rastrum", "rio cogeo, ZSTD", 1.3, 1.0),
    Claim("rastrum, DEFLATE", "rio cogeo, DEFLATE", 1.15, 1.0),
    Claim("rastrum", "rio cogeo, default", 3.0, 3.0, most_size=1.0),
)
MOST_MEMORY_MB = 600


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
    """Medians of each case."""
    print(f"\n{title}, {megabytes:.0f} MB of pixels")
    print(f"{'case':18} {'s':>6} {'MB/s':>6} {'CPU s':>6} {'peak MB':>8} {'out MB':>7}")
    for name, of_case in runs.items():
        seconds, cpu = _median(of_case, "seconds"), _median(of_case, "cpu_seconds")
        print(
            f"{name:18} {seconds:6.1f} {megabytes / seconds:6.0f} {cpu:6.1f} "
            f"{max(run.peak_mb for run in of_case):8.0f} {of_case[0].output_mb:7.0f}",
            flush=True,
        )


def print_claims(megabytes: float, runs: dict[str, list[Run]]) -> list[str]:
    """Ratios of our cases to their peers'; returns a sentence for each that is missed."""
    missed = []
    for claim in CLAIMS:
        case, peer = runs[claim.case], runs[claim.peer]
        speed = _median(peer, "seconds") / _median(case, "seconds")
        size = case[0].output_mb / peer[0].output_mb
        least = claim.least_speed_large if megabytes > 1100 else claim.least_speed
        line = f"{claim.case} against {claim.peer}: {speed:.2f}x as fast, {size:.2f}x as large"
        print(line)
        if speed < least or size > claim.most_size:
            missed.append(f"{line}; wanted {least:g}x and at most {claim.most_size:g}x")
    peak = max(run.peak_mb for run in runs["rastrum"])
    if peak > MOST_MEMORY_MB:
        missed.append(f"rastrum took {peak:.0f} MB; wanted at most {MOST_MEMORY_MB}")
    return missed


def _median(runs: list[Run], field: str) -> float:
    return statistics.median(getattr(run, field) for run in runs)


def convert_one(source: Path, destination: Path, kind: str, codec: str) -> None:
    """The child process of `ours`."""
    from tasks.conversion import convert
    from tests.rasters import found_of, info_of

    profile = PROFILES[MEANING[kind]]
    if codec == "deflate":
        profile = replace(profile, codec="deflate", level=DEFLATE_LEVEL)
    convert(found_of(source, info_of(source, MEANING[kind])), destination, profile=profile)


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
    parser.add_argument("--codec", default="zstd", help=argparse.SUPPRESS)
    parser.add_argument("--convert", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.convert:
        convert_one(*arguments.convert, arguments.kind, arguments.codec)
        return
    report, missed = {}, []
    with tempfile.TemporaryDirectory(dir=arguments.tmp) as folder:
        for title, (source, kind) in sources(arguments, Path(folder)).items():
            megabytes = decoded_bytes(source) / 1e6
            runs = compare(source, kind, arguments.rounds)
            print_table(title, megabytes, runs)
            missed += [f"{title}: {line}" for line in print_claims(megabytes, runs)]
            report[title] = {name: [asdict(run) for run in of] for name, of in runs.items()}
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"convert-{time.strftime('%Y%m%dT%H%M%S')}.json"
    target.write_text(json.dumps(report, indent=1))
    print(f"\n{target.relative_to(ROOT)}")
    print("\n".join(["Missed:", *missed]) if missed else "All claims are met.")


if __name__ == "__main__":
    main()

"""What a pixel process must be able to read besides its folder: Python, libraries, data tables."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OWN_ROOMS = ("tasks", "repository", "tiler")
"""Not the project's folder itself: the data and the `.env` lie in it by default."""
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
TABLES = ("/usr/share/zoneinfo", "/usr/share/proj", "/usr/share/gdal")
MACHINE = ("/proc/self", "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup")
FILES = (
    "/etc/ld.so.cache", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
    "/proc/sys/vm/overcommit_memory", "/dev/urandom",
)  # fmt: skip


@functools.cache
def readable_paths() -> tuple[Path, ...]:
    """Folders and files that may be read; some may not exist. The zygote finds them once."""
    return (*_folders(), *(Path(path) for path in FILES))


def _folders() -> list[Path]:
    paths = sysconfig.get_paths()
    python = {paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    base = {sysconfig.get_path(kind, vars=_BASE) for kind in ("stdlib", "platstdlib")}
    prefixes = {f"{sys.base_prefix}/lib", f"{sys.base_exec_prefix}/lib"}
    rooms = {str(PROJECT / room) for room in OWN_ROOMS}
    # Compiled loops, where they cannot be kept beside their source.
    rooms |= {os.environ["NUMBA_CACHE_DIR"]} if os.environ.get("NUMBA_CACHE_DIR") else set()
    return [
        Path(path)
        for path in sorted({*python, *base, *prefixes, *rooms, *LIBRARIES, *TABLES, *MACHINE})
    ]


_BASE = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}

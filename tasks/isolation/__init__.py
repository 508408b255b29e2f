"""Shuts the child of `tasks.sandbox` in: what a broken or hostile file makes it do stays here.

Layers, each of which is tried and none of which relies on another:

- `namespace`: a network namespace of its own that holds nothing, not even loopback;
- `landlock`: reads Python and its libraries alone, writes its own folder alone; a kernel
  without it does the same with mounts, where it has namespaces;
- `seccomp`: no sockets, processes, signals, tracing, mounts, modes of files, kernel keys.

What the kernel or the container refuses is reported, not raised: `tasks.canary` finds out at
the worker's start what the layers that are in force add up to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.isolation.landlock import confine_files, landlock_version
from tasks.isolation.limits import Limits, limit_resources
from tasks.isolation.mounts import confine_by_mounts
from tasks.isolation.namespace import cut_network, drop_capabilities
from tasks.isolation.readable import readable_paths
from tasks.isolation.seccomp import refuse_system_calls
from tasks.isolation.system import forbid_new_privileges

IN_FORCE = "in force"
BY_MOUNTS = "replaced by mounts"
LAYERS = ("namespace", "landlock", "seccomp")


def isolate(folder: Path, limits: Limits, layers: Sequence[str] = LAYERS) -> dict[str, str]:
    """Shut this process in, whose own folder is `folder`; it must have one thread yet.

    Returns layer -> `in force`, `replaced by mounts`, or why it is not. Leaving a layer out of
    `layers` shows what the others hold; the product names all.
    """
    forbid_new_privileges()
    limit_resources(limits)
    readable = readable_paths()
    by_mounts = "landlock" in layers and not _has_good_landlock()
    result = dict.fromkeys(LAYERS, "left out")
    if "namespace" in layers:
        result["namespace"] = _tried(lambda: cut_network(also_mounts=by_mounts))
    if by_mounts and result["namespace"] == IN_FORCE:
        result["landlock"] = _tried(lambda: confine_by_mounts(folder, readable), BY_MOUNTS)
    drop_capabilities()
    if "landlock" in layers and result["landlock"] != BY_MOUNTS:
        result["landlock"] = _tried(lambda: confine_files(folder, readable))
    if "seccomp" in layers:
        result["seccomp"] = _tried(refuse_system_calls)
    return result


def _has_good_landlock() -> bool:
    """Its first version, of Linux 5.13 to 5.18, lets no file move between folders."""
    try:
        return landlock_version() > 1
    except OSError:
        return False


def _tried(step: Callable[[], None], success: str = IN_FORCE) -> str:
    try:
        step()
    except OSError as error:
        return error.strerror or str(error)
    return success

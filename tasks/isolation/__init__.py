"""Shuts the child of `tasks.sandbox` in: what a broken or hostile file makes it do stays here.

Layers, each of which is tried and none of which relies on another:

- `namespace`: a network namespace of its own that holds nothing, not even loopback;
- `landlock`: reads Python and its libraries alone, writes its own folder alone;
- `seccomp`: no sockets, processes, signals, tracing, mounts, modes of files, kernel keys.

What the kernel or the container refuses is reported, not raised: `tasks.canary` finds out at
the worker's start what the layers that are in force add up to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.isolation.landlock import confine_files
from tasks.isolation.limits import Limits, limit_resources
from tasks.isolation.namespace import cut_network, drop_capabilities
from tasks.isolation.readable import open_files, open_folders
from tasks.isolation.seccomp import refuse_system_calls
from tasks.isolation.system import forbid_new_privileges

IN_FORCE = "in force"
LAYERS = ("namespace", "landlock", "seccomp")


def isolate(folder: Path, limits: Limits, layers: Sequence[str] = LAYERS) -> dict[str, str]:
    """Shut this process in, whose own folder is `folder`; it must have one thread yet.

    Returns layer -> `in force`, or why it is not. Leaving a layer out of `layers` shows what
    the others hold; the product names all.
    """
    forbid_new_privileges()
    steps: dict[str, Callable[[], None]] = {
        "namespace": cut_network,
        "landlock": lambda: confine_files(folder, [*open_folders(), *open_files()]),
        "seccomp": refuse_system_calls,
    }
    limit_resources(limits)
    result = {}
    for layer in LAYERS:
        result[layer] = _tried(steps[layer]) if layer in layers else "left out"
        if layer == "namespace":
            drop_capabilities()
    return result


def _tried(step: Callable[[], None]) -> str:
    try:
        step()
    except OSError as error:
        return error.strerror or str(error)
    return IN_FORCE

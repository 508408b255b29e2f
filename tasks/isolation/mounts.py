"""What Landlock does, for kernels without it: a root of its own, of bind mounts (Linux 3.8).

Only inside a mount namespace of this process, and while it may still mount there.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from tasks.isolation.system import LIBC, call, last_error
from tasks.isolation.system_calls import MACHINES, REFUSED

READ_ONLY, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 32, 4096, 16384, 1 << 18
NO_SETUID, NO_DEVICES, NO_EXECUTION, NO_ACCESS_TIME = 2, 4, 8, 1024
RELATIVE_ACCESS_TIME, OF_STATVFS = 1 << 21, 4096
"""The one flag whose number differs between mount(2) and statvfs(3)."""
DETACH = 2


def map_own_user(user: int, group: int) -> None:
    """Be the same user inside the user namespace as outside (user_namespaces(7)).

    Raises OSError where there is none, or the kernel does not allow it.
    """
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def confine_by_mounts(folder: Path, readable: Iterable[Path]) -> None:
    """From here on there is nothing below `/` but `readable`, read only, and `folder`.

    Raises OSError.
    """
    mount("none", "/", flags=RECURSIVE | PRIVATE)
    root = folder / ".root"
    root.mkdir()
    mount("tmpfs", root, kind="tmpfs", flags=NO_SETUID | NO_DEVICES, data="size=1m,mode=755")
    for path in readable:
        for name in dict.fromkeys((path, Path(os.path.realpath(path)))):
            # One that is there already lies below a folder that came before it.
            if name.exists() and not (root / name.relative_to("/")).exists():
                _bind(path, root, name, read_only=True)
    _bind(Path("/dev/null"), root, Path("/dev/null"), read_only=False)
    _bind(folder, root, folder, read_only=False)
    _enter(root)
    os.chdir(folder)
    with contextlib.suppress(OSError):
        root.rmdir()


def _bind(source: Path, root: Path, name: Path, *, read_only: bool) -> None:
    """Make a file or folder seen below `root` under `name`."""
    target = root / name.relative_to("/")
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(source, target, flags=BIND | RECURSIVE)
    if read_only:
        mount("none", target, flags=BIND | REMOUNT | READ_ONLY | _flags_of(target))


def _flags_of(path: Path) -> int:
    """Those of its mount: a user namespace may add to them, and take none away."""
    flags = os.statvfs(path).f_flag
    kept = flags & (NO_SETUID | NO_DEVICES | NO_EXECUTION | NO_ACCESS_TIME)
    return kept | (RELATIVE_ACCESS_TIME if flags & OF_STATVFS else 0)


def _enter(root: Path) -> None:
    """pivot_root(2) onto itself: the old root lies on top and is let go of."""
    os.chdir(root)
    number = REFUSED["pivot_root"][MACHINES.index(platform.machine())]
    assert number is not None
    call(number, ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    if LIBC.umount2(b".", DETACH) != 0:
        raise last_error()
    os.chdir("/")


def mount(
    source: str | Path, target: str | Path, *, kind: str = "", flags: int = 0, data: str = ""
) -> None:
    """mount(2). Raises OSError."""
    text = [str(word).encode() for word in (source, target, kind)]
    if LIBC.mount(*text, ctypes.c_ulong(flags), data.encode()) != 0:
        raise last_error()

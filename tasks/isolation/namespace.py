"""Namespaces of its own, a network with nothing in it, and no capability in any other."""

from __future__ import annotations

import ctypes
import os

from tasks.isolation.mounts import map_own_user
from tasks.isolation.system import LIBC, last_error

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
CAPABILITY_VERSION_3 = 0x20080522


def cut_network(*, also_mounts: bool = False) -> None:
    """Leave the network, and the others' mounts if asked to (unshare(2)).

    Raises OSError where the kernel or a container forbids it. An ordinary user may do so inside
    a user namespace; a root whose container has none, by itself.
    """
    user, group = os.getuid(), os.getgid()
    wanted = CLONE_NEWNET | (CLONE_NEWNS if also_mounts else 0)
    if LIBC.unshare(CLONE_NEWUSER | wanted) == 0:
        if also_mounts:
            map_own_user(user, group)
    elif LIBC.unshare(wanted) != 0:
        raise last_error()


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def drop_capabilities() -> None:
    """Root's too: from here on a file's mode counts (capset(2), version 3)."""
    header = _Header(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    if LIBC.capset(ctypes.byref(header), ctypes.byref(nothing)) != 0:
        raise last_error()

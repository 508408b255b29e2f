"""Landlock by its three system calls: which files a process may touch (landlock(7), Linux 5.13)."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from tasks.isolation.system import call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
ASK_FOR_VERSION = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
REFER, TRUNCATE = 1 << 13, 1 << 14
FIRST_RIGHTS = (1 << 13) - 1
RIGHTS_SINCE = {2: REFER, 3: TRUNCATE, 5: 1 << 15}
"""Version -> the right it added; the last is to speak to devices (ioctl)."""
NO_TCP = 0b11
"""bind and connect, since version 4."""
OWN_SCOPE = 0b11
"""No abstract unix socket and no signal beyond this process, since version 6."""

READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | TRUNCATE
OWN_FOLDER = READ | WRITE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
"""Not among them: links, sockets, pipes and devices, nor to execute anything."""
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
"""Rights that a rule on a file, not a folder, may name."""


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_fs", ctypes.c_uint64),
        ("handled_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_version() -> int:
    """Of the kernel's interface, from 1. Raises OSError where there is none."""
    return call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(ASK_FOR_VERSION))


def confine_files(folder: Path, readable: Iterable[Path]) -> None:
    """From here on this thread reads `readable`, and writes below `folder`, and nothing else.

    Raises OSError where the kernel has no Landlock or a container hides it.
    """
    version = landlock_version()
    handled = FIRST_RIGHTS
    for since, right in RIGHTS_SINCE.items():
        handled |= right if version >= since else 0
    rules = _Ruleset(handled, NO_TCP, OWN_SCOPE)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in readable:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _allow(ruleset, path, READ & handled)
        _allow(ruleset, Path("/dev/null"), (READ_FILE | WRITE) & handled)
        _allow(ruleset, folder, OWN_FOLDER & handled)
        call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights if path.is_dir() else rights & OF_A_FILE, descriptor)
        call(
            ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH),
            ctypes.byref(rule), ctypes.c_uint32(0),
        )  # fmt: skip
    finally:
        os.close(descriptor)

"""Calls of the kernel that Python has no function for."""

from __future__ import annotations

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_NO_NEW_PRIVS = 38


def call(number: int, *arguments: object) -> int:
    """syscall(2). Raises OSError."""
    result = int(LIBC.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise last_error()
    return result


def control(option: int, *arguments: object) -> None:
    """prctl(2). Raises OSError."""
    longs = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    while len(longs) < 4:
        longs.append(ctypes.c_ulong(0))
    if LIBC.prctl(ctypes.c_int(option), *longs) != 0:
        raise last_error()


def last_error() -> OSError:
    """The error that the last call left."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def forbid_new_privileges() -> None:
    """No program that is started gains rights; Landlock and seccomp ask for it."""
    control(PR_SET_NO_NEW_PRIVS, 1)

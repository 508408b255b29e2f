"""A filter over system calls (seccomp(2)), written in the kernel's classic BPF."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from tasks.isolation.system import control
from tasks.isolation.system_calls import (
    ABSENT,
    AUDIT_ARCHITECTURE,
    CLONE,
    MACHINES,
    ON_ITSELF,
    ON_ITSELF_OR_ZERO,
    REFUSED,
)

PR_SET_SECCOMP = 22
FILTER = 2
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""BPF: LD|W|ABS, JMP|JEQ|K, JMP|JGE|K, JMP|JSET|K, RET|K."""
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in struct seccomp_data; of the argument, its low half (little-endian)."""
ALLOW, ERROR, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
CLONE_THREAD = 0x00010000
X32_CALLS = 0x40000000

Instruction = tuple[int, int, int, int]
"""Operation, steps to skip when true, when false, operand."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_system_calls() -> None:
    """From here on this thread gets EPERM for all that `system_calls` lists.

    Raises OSError where the kernel has no seccomp, or the machine is another than those listed.
    """
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}")
    install(program(machine, os.getpid()))


def install(steps: list[Instruction]) -> None:
    """Make a filter this thread's, for good. Raises OSError."""
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    prepared = _Program(len(code) // 8, code)
    control(PR_SET_SECCOMP, FILTER, ctypes.byref(prepared))


def program(machine: str, pid: int) -> list[Instruction]:
    """The filter for a machine, and for the process `pid`."""
    column = MACHINES.index(machine)
    steps: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT_ARCHITECTURE[machine]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32_CALLS),
        (RETURN, 0, 0, ERROR | errno.EPERM),
    ]
    for numbers in REFUSED.values():
        steps += answer(numbers[column], errno.EPERM)
    for numbers in ABSENT.values():
        steps += answer(numbers[column], errno.ENOSYS)
    steps += _only_if(CLONE[column], [(ANY_BIT, 0, 1, CLONE_THREAD)])
    for numbers in ON_ITSELF.values():
        steps += _only_if(numbers[column], [(EQUAL, 0, 1, pid)])
    for numbers in ON_ITSELF_OR_ZERO.values():
        steps += _only_if(numbers[column], [(EQUAL, 1, 0, 0), (EQUAL, 0, 1, pid)])
    return [*steps, (RETURN, 0, 0, ALLOW)]


def answer(number: int | None, error: int) -> list[Instruction]:
    """Answer a system call, which some machines do not have, with an error (errno(3))."""
    if number is None:
        return []
    return [(EQUAL, 0, 1, number), (RETURN, 0, 0, ERROR | error)]


def _only_if(number: int, tests: list[Instruction]) -> list[Instruction]:
    """Allow the call where the tests of its first argument hold, refuse it otherwise.

    The last test falls through to ALLOW, or skips it.
    """
    body = [
        (LOAD, 0, 0, FIRST_ARGUMENT),
        *tests,
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERROR | errno.EPERM),
    ]
    return [(EQUAL, 0, len(body), number), *body]

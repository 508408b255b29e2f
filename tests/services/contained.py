"""Runs a program as a container would whose kernel or profile lacks some layers of the sandbox.

    python -m tests.services.contained namespace,landlock PROGRAM...

A seccomp filter of the tests' own refuses the calls that a layer needs, as docker's or an old
kernel's would, to the program and to all that it starts.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
from collections.abc import Sequence

from tasks.isolation.landlock import CREATE_RULESET
from tasks.isolation.seccomp import (
    ALLOW,
    EQUAL,
    ERROR,
    FIRST_ARGUMENT,
    LOAD,
    NUMBER,
    PR_SET_SECCOMP,
    RETURN,
    Instruction,
    answer,
    install,
)  # fmt: skip
from tasks.isolation.system import forbid_new_privileges
from tasks.isolation.system_calls import MACHINES, REFUSED

PRCTL = {"x86_64": 157, "aarch64": 167}


def hold_back(layers: Sequence[str]) -> None:
    """From here on this process and its children lack `layers`; for good."""
    machine = platform.machine()
    steps: list[Instruction] = [(LOAD, 0, 0, NUMBER)]
    if "namespace" in layers:
        steps += answer(REFUSED["unshare"][MACHINES.index(machine)], errno.EPERM)
    if "landlock" in layers:
        steps += answer(CREATE_RULESET, errno.ENOSYS)
    if "seccomp" in layers:
        steps += [
            (EQUAL, 0, 3, PRCTL[machine]),
            (LOAD, 0, 0, FIRST_ARGUMENT),
            (EQUAL, 0, 1, PR_SET_SECCOMP),
            (RETURN, 0, 0, ERROR | errno.EINVAL),
        ]
    forbid_new_privileges()
    install([*steps, (RETURN, 0, 0, ALLOW)])


if __name__ == "__main__":
    hold_back(sys.argv[1].split(","))
    os.execv(sys.argv[2], sys.argv[2:])

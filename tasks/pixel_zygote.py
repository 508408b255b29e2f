"""A process that has loaded the raster libraries once and forks the child of each job from itself.

Loading numpy, PROJ and GDAL costs half a second of CPU; a fork costs a few milliseconds.
The zygote reads no file of anybody's: it waits, forks, and tells how its child ended. It has
the cleaned environment of `tasks.sandbox` and dies with its worker.

The conversation is over one socket, a line of JSON each way, one child at a time:
worker: {"folder", "limits", "layers"} with two descriptors, the child's input and output;
zygote: {"pid": n}, and when the child has ended {"status": n} as `waitpid` gives it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback
from typing import Any

from tasks import pixel_steps
from tasks.isolation.drivers import keep_drivers, without_boto
from tasks.isolation.limits import Limits, die_with_parent
from tasks.isolation.readable import readable_paths

MESSAGE_BYTES = 4096


def main() -> None:
    """Serve until the worker closes the socket, which is our standard input."""
    die_with_parent(0)
    _load_libraries(draws_tiles="tiles" in sys.argv[1:])
    keep_drivers()
    readable_paths()
    control = socket.socket(fileno=os.dup(0))
    control.sendall(b'{"ready": true}\n')
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
        if not message:
            return
        child = _fork(json.loads(message), control, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(json.dumps({"pid": child}).encode() + b"\n")
        _, status = os.waitpid(child, 0)
        control.sendall(json.dumps({"status": status}).encode() + b"\n")


def _load_libraries(*, draws_tiles: bool) -> None:
    """All that the steps import, so that no child has to."""
    without_boto()
    if draws_tiles:
        from tasks.drawing_warm_up import warm_up

        warm_up()
        return
    import tasks.conversion
    import tasks.inspection
    import tasks.rendering_defaults
    import tasks.statistics  # noqa: F401


def _fork(order: dict[str, Any], control: socket.socket, requests: int, answers: int) -> int:
    limits = Limits.from_json(order["limits"] | {"parent": os.getpid()})
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        control.close()
        os.setsid()
        os.chdir(order["folder"])
        os.environ |= {"HOME": order["folder"], "TMPDIR": order["folder"]}
        os.dup2(requests, 0)
        os.dup2(answers, 1)
        os.close(requests)
        os.close(answers)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - lives as long as the child
        pixel_steps.main(limits, order["layers"])
        code = 0
    except BaseException:
        traceback.print_exc()  # nobody above us will
    finally:
        # No clean-up of what the zygote owns: this is its copy.
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()

"""Finds out, before a worker takes its first job, whether the pixel process is really shut in.

A child like any other is set before bait: a file outside its folder, a VRT that reads the file,
listeners on loopback and on a unix socket. What counts is what it reached, not which layers of
`tasks.isolation` are there: a container may lack one that the others make up for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repository.errors import StepFailed
from tasks.isolation import IN_FORCE
from tasks.sandbox import PixelProcess

SECONDS = 60
BAIT_BYTES = 25
REACHED = {
    "file": "read a file outside its folder",
    "write": "write a file outside its folder",
    "network": "connect to a server on this machine",
    "socket": "connect to a unix socket",
    "signal": "send a signal to the worker",
    "program": "start a process",
    "vrt": "open a VRT, which reads any other file",
    "vsicurl": "open a file by its address",
    "listeners": "reach a listener",
}
UNFORGIVEN = frozenset({"vrt", "vsicurl"})
"""These need nothing of the kernel: where they fail, the installation is broken."""
VRT = """<VRTDataset rasterXSize="5" rasterYSize="5">
<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
<SourceFilename relativeToVRT="0">{file}</SourceFilename>
<ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>5</LineOffset>
</VRTRasterBand></VRTDataset>"""


@dataclass(frozen=True)
class Verdict:
    """What a shut-in child could do."""

    reached: tuple[str, ...]
    """Keys of REACHED."""
    layers: dict[str, str]
    """Layer -> `in force`, or why it is not."""

    @property
    def is_hopeless(self) -> bool:
        """Whether not even the operator's consent makes this fit for work."""
        return bool(UNFORGIVEN.intersection(self.reached))

    def sentence(self) -> str:
        """What is wrong, or what protects, for the operator."""
        layers = ", ".join(f"{name} {state}" for name, state in self.layers.items())
        if not self.reached:
            return f"Uploads are read in a sandbox that holds ({layers})."
        deeds = "; ".join(REACHED[name] for name in self.reached)
        return f"The sandbox in which uploads are read does not hold: it can {deeds} ({layers})."

    @property
    def lacks_a_layer(self) -> bool:
        """Whether one is missing, although nothing may have been reached."""
        return any(state != IN_FORCE for state in self.layers.values())


def examine(work_dir: Path) -> Verdict:
    """Set a child before the bait; its own folder lies in `work_dir`, as a job's does.

    Raises StepFailed where the child cannot work at all.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="rastrum-canary-") as bait_folder,
        tempfile.TemporaryDirectory(prefix="canary-", dir=work_dir) as job_folder,
        _bait(Path(bait_folder)) as bait,
    ):
        vrt = Path(job_folder) / "canary.vrt"
        vrt.write_text(VRT.format(file=bait.file))
        with PixelProcess(Path(job_folder), seconds=SECONDS) as child:
            answer = child.probe(
                {"file": str(bait.file), "vrt": str(vrt), "port": bait.port,
                 "socket": str(bait.socket), "parent": os.getpid()}
            )  # fmt: skip
        if not answer["works"]:
            raise StepFailed(f"It cannot use its own folder in {work_dir}.")
        reached = [name for name, done in answer["reached"].items() if done]
        if bait.callers and not {"network", "socket"}.intersection(reached):
            reached.append("listeners")
        return Verdict(tuple(reached), answer["layers"])


@dataclass(frozen=True)
class _Bait:
    file: Path
    port: int
    socket: Path
    callers: list[str]
    """One entry for each connection that arrived."""


@contextlib.contextmanager
def _bait(folder: Path) -> Iterator[_Bait]:
    file, path = folder / "secret", folder / "socket"
    file.write_bytes(b"canary".ljust(BAIT_BYTES))
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as local,
    ):
        local.bind(str(path))
        local.listen()
        callers: list[str] = []
        for listener in (tcp, local):
            threading.Thread(target=_answer, args=(listener, callers), daemon=True).start()
        try:
            yield _Bait(file, tcp.getsockname()[1], path, callers)
        finally:
            for listener in (tcp, local):
                # Wakes the thread that waits in accept, which closing alone does not.
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)


def _answer(listener: socket.socket, callers: list[str]) -> None:
    """Note every caller and hang up, until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        callers.append(str(listener.family))
        connection.close()

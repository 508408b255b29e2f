"""One file to the server by tus 1.0.0, part by part, from where an earlier run ended."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import requests

from rastrum_client.server import Patience, Refused, Server
from rastrum_client.state import UploadState

PART_BYTES = 8 * 2**20
CHECK_SECONDS = 1.0
TUS = {"Tus-Resumable": "1.0.0"}

Progress = Callable[[int], None]


class FileChanged(Exception):
    """The file became another one while it was sent."""


class Sent:
    """A file whose bytes are all safe at the server."""

    def __init__(self, address: str, job: str, state: UploadState) -> None:
        self.address = address
        """Of its upload."""
        self.job = job
        """Path of its job; empty where the upload waits to be used."""
        self._state = state

    def forget(self) -> None:
        """What became of it is known: another run need not find it again."""
        self._state.forget()


def send(
    server: Server, path: Path, request: dict[str, str],
    *, progress: Progress, say: Callable[[str], None],
) -> Sent:  # fmt: skip
    """Send one file; without a `collection` in the request it then waits to be used. `progress`
    hears how many bytes are safe.

    Raises Refused, Unreachable, FileChanged or OSError.
    """
    state = UploadState(server.url, path, request)
    about = path.stat()
    with path.open("rb") as stream:
        address = _known(server, state, say) or _begin(server, path, request, state, say)
        job = _send_parts(
            server, address, stream, about.st_size, progress, say, "collection" in request
        )
    now = path.stat()
    if (now.st_size, now.st_mtime_ns) != (about.st_size, about.st_mtime_ns):
        say("the file changed while it was sent")
    return Sent(address, job, state)


def _known(server: Server, state: UploadState, say: Callable[[str], None]) -> str:
    """The address of the upload that an earlier run began, if the server still has it."""
    address = state.address()
    if not address:
        return ""
    try:
        server.patiently("HEAD", address, say, headers=TUS)
        return address
    except Refused as error:
        if error.status not in (404, 410):
            raise
        state.forget()
        return ""


def _begin(
    server: Server, path: Path, request: dict[str, str], state: UploadState,
    say: Callable[[str], None],
) -> str:  # fmt: skip
    about = path.stat()
    fields = {"filename": path.name, "modified": str(about.st_mtime_ns // 10**6)} | request
    metadata = ",".join(f"{name} {_base64(text.encode())}" for name, text in fields.items())
    headers = TUS | {"Upload-Length": str(about.st_size), "Upload-Metadata": metadata}
    answer = server.patiently("POST", "/api/uploads/", say, headers=headers)
    address = answer.headers["Location"]
    state.remember(address)
    return address


def _send_parts(
    server: Server, address: str, stream: BinaryIO, size: int, progress: Progress,
    say: Callable[[str], None], makes_a_job: bool,
) -> str:  # fmt: skip
    """Until all is safe and the server names the job, if it is to make one. After any trouble it
    is asked how far it is."""
    patience = Patience(server.give_up_seconds, say)
    offset: int | None = None
    farthest = 0
    while True:
        try:
            if offset is None:
                answer = server.once("HEAD", address, headers=TUS)
            else:
                answer = _send_part(server, address, stream, offset, size)
        except (Refused, requests.RequestException) as error:
            offset = None
            moved = isinstance(error, Refused) and error.code in ("wrong_offset", "wrong_checksum")
            patience.wait_or_raise(requests.RequestException(str(error)) if moved else error)
            continue
        offset = int(answer.headers["Upload-Offset"])
        if offset > farthest:
            farthest = offset
            patience.renew()
        progress(offset)
        if "Upload-Job" in answer.headers or (offset == size and not makes_a_job):
            return answer.headers.get("Upload-Job", "")
        if offset == size:  # of a large file the job may come a little later
            say("received, being checked")
            time.sleep(CHECK_SECONDS)
            offset = None


def _send_part(
    server: Server, address: str, stream: BinaryIO, offset: int, size: int
) -> requests.Response:
    stream.seek(offset)
    part = stream.read(min(PART_BYTES, size - offset))
    if not part and offset < size:
        raise FileChanged("The file became shorter while it was sent. Run the command again.")
    headers = TUS | {
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {_base64(hashlib.sha256(part).digest())}",
    }
    return server.once("PATCH", address, data=part, headers=headers)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()

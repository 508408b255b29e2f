"""Receives files of a form: straight to disk, hashed as they come, gone if nobody takes them."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, multipartparser
from django.http.multipartparser import MultiPartParserError

from repository.errors import OutOfSpace, RastrumError, TooLarge
from repository.principal import ANONYMOUS, Principal

# A browser sends a name of any length; Django's 1 KiB refuses the file, we only cut its name.
multipartparser.MAX_TOTAL_HEADER_SIZE = 16 * 1024  # type: ignore[attr-defined]

REFUSAL = "_refused_upload"
"""The request's attribute that keeps why its form was not read to the end."""


class HashedUpload(UploadedFile):  # type: ignore[type-arg]
    """A received file on disk with its checksums; closing it removes it."""

    path: Path
    sha256: str
    md5: str

    def close(self) -> None:
        """Called by Django at the end of each request."""
        super().close()
        self.path.unlink(missing_ok=True)


class HashingUploadHandler(FileUploadHandler):
    """Django upload handler: one write and two hashes a chunk, bounded by MAX_UPLOAD_BYTES."""

    chunk_size = 2**20

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.received: list[HashedUpload] = []
        self.size = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Start the next file of the form."""
        super().new_file(*args, **kwargs)
        principal: Principal = getattr(self.request, "principal", ANONYMOUS)
        if not principal.can_write:
            # Any form may be sent a file, the sign-in page's too: nobody's fills no disk.
            raise StopUpload(connection_reset=True)
        folder = Path(settings.INCOMING_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / str(uuid.uuid4())
        self.stream = open(self.path, "xb")  # noqa: SIM115 - closed by file_complete
        self.hashes = (hashlib.sha256(), hashlib.md5(usedforsecurity=False))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep a chunk."""
        self.size += len(raw_data)
        if self.size > settings.MAX_UPLOAD_BYTES:
            self._refuse(
                TooLarge(f"This server takes {settings.MAX_UPLOAD_BYTES:,} bytes at most.")
            )
        if shutil.disk_usage(self.path.parent).free < settings.MIN_FREE_BYTES:
            self._refuse(OutOfSpace("The server has no room for this file."))
        try:
            self.stream.write(raw_data)
        except OSError:
            self._refuse(OutOfSpace("The server has no room for this file."))
        for digest in self.hashes:
            digest.update(raw_data)

    def _refuse(self, error: RastrumError) -> NoReturn:
        """End the form here. `received_files` raises the error.

        The form may be read by Django's CSRF check, from where an error reaches no
        view and no page of ours.
        """
        self.discard()
        setattr(self.request, REFUSAL, error)
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> HashedUpload:
        """The whole file."""
        self.stream.close()
        upload = HashedUpload(
            file=open(self.path, "rb"),  # noqa: SIM115 - closed with the request
            name="upload",
            content_type=self.content_type,
            size=file_size,
        )
        # Not through UploadedFile.name, which would cut what we want to show.
        upload.path = self.path
        upload.sha256, upload.md5 = (digest.hexdigest() for digest in self.hashes)
        upload.__dict__["_name"] = os.path.basename(self.file_name or "upload")
        self.received.append(upload)
        return upload

    def upload_interrupted(self) -> None:
        """The form ended in the middle of a file."""
        self.discard()
        raise MultiPartParserError("it ends in the middle of a file")

    def discard(self) -> None:
        """Remove what was received: a form that cannot be read to its end leaves nothing."""
        for upload in self.received:
            upload.close()
        if hasattr(self, "stream"):
            self.stream.close()
            self.path.unlink(missing_ok=True)


def received_files(request: HttpRequest, field: str) -> list[HashedUpload]:
    """The files of a form's field; a form that fails on the way leaves no file behind.

    Raises TooLarge, OutOfSpace, whoever read the form first.
    """
    handlers = request.upload_handlers
    try:
        files = request.FILES.getlist(field)
    except BaseException:
        for handler in handlers:
            if isinstance(handler, HashingUploadHandler):
                handler.discard()
        raise
    if (refusal := getattr(request, REFUSAL, None)) is not None:
        raise refusal
    return [file for file in files if isinstance(file, HashedUpload)]


def announced_bytes(request: HttpRequest) -> int:
    """How much the client says that it will send; 0 where it does not know (RFC 9112, 7.1)."""
    if "Transfer-Encoding" in request.headers:
        return 0
    return int(request.headers.get("Content-Length") or 0)

"""An upload on its way into an S3 store: parts that are whole go there, the rest waits here.

The file on this disk is as long as the upload, but what the store has confirmed takes no room in
it. Part n holds the bytes from n * part_bytes on, so a part that is sent twice is the same part.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from repository.failpoints import around
from repository.models import ResumableUpload
from repository.object_parts import ObjectParts
from repository.resumable_files import file_of, lost, reading
from repository.storage import object_store


def send_whole_parts(upload: ResumableUpload, descriptor: int, offset: int) -> None:
    """Bring every part that ends before `offset` to the store; `upload.etags` names them then.
    Nothing happens where the store is a folder. Raises OutOfSpace or Unavailable."""
    size = upload.part_bytes
    if not upload.key or upload.length <= size:
        return
    store = _parts()
    while (start := len(upload.etags) * size) + size <= offset:
        content = os.pread(descriptor, size, start)
        upload.etags = [*upload.etags, _put(store, upload, content)]


def store_whole(upload: ResumableUpload) -> None:
    """Make a whole upload an object of the store, and empty its file here.

    Asked again after a kill it goes on. Raises Gone `upload_lost`, OutOfSpace or Unavailable.
    """
    store = _parts()
    if store.size(upload.key) != upload.length:
        _send_the_rest(store, upload, file_of(upload.pk))
    if store.size(upload.key) != upload.length:
        raise lost()
    with around("resumable.note_stored"):
        rows = ResumableUpload.objects.filter(pk=upload.pk)
        rows.update(is_stored=True, multipart="", etags=[])
    upload.is_stored, upload.multipart, upload.etags = True, "", []
    # The file stays as the upload's lock until its job takes over.
    with suppress(FileNotFoundError), around("resumable.empty"):
        os.truncate(file_of(upload.pk), 0)


def _send_the_rest(store: ObjectParts, upload: ResumableUpload, path: Path) -> None:
    start = len(upload.etags) * upload.part_bytes
    with reading(path) as stream:
        stream.seek(start)
        rest = stream.read(upload.length - start)
    if start + len(rest) != upload.length:
        raise lost()
    if not upload.etags and not upload.multipart:
        store.put_whole(upload.key, rest)
        return
    if rest:
        upload.etags = [*upload.etags, _put(store, upload, rest)]
    store.finish(upload.key, upload.multipart, upload.etags)


def _put(store: ObjectParts, upload: ResumableUpload, content: bytes) -> str:
    if not upload.multipart:
        upload.multipart = store.begin(upload.key)
        # Named before its first part, so that it can be given up later.
        with around("resumable.note_parts"):
            ResumableUpload.objects.filter(pk=upload.pk).update(multipart=upload.multipart)
    return store.put(upload.key, upload.multipart, len(upload.etags) + 1, content)


def abandon(upload: ResumableUpload) -> None:
    """Give back what the store has of an upload that no job has taken over."""
    if not upload.key:
        return
    if upload.multipart:
        _parts().abort(upload.key, upload.multipart)
    if upload.multipart or upload.is_stored or upload.is_whole:
        object_store().delete(upload.key)


def _parts() -> ObjectParts:
    parts = object_store().parts()
    assert parts is not None, "an upload has a key only where the store takes parts"
    return parts

"""Digests of uploads that are not whole yet: kept in their rows, or else in this process."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from threading import Lock

from repository.models import ResumableUpload
from repository.running_digest import RunningDigest

DIGESTS_KEPT = 256


def digest_of(upload: ResumableUpload) -> RunningDigest:
    """The digest of the most bytes of an upload that anybody remembers: its row or this process."""
    kept = RunningDigest.from_state(bytes(upload.digest))
    if kept.offset > upload.received:
        kept = RunningDigest()
    ours = RUNNING.take(upload.pk, upload.received)
    return ours if ours.offset > kept.offset else kept


class RunningDigests:
    """This process's unfinished digests. Losing one costs time, never correctness: acknowledged
    bytes do not change, so a digest of fewer bytes than were acknowledged is always right."""

    def __init__(self) -> None:
        self._kept: OrderedDict[uuid.UUID, RunningDigest] = OrderedDict()
        self._lock = Lock()

    def take(self, upload_id: uuid.UUID, offset: int) -> RunningDigest:
        """The digest of at most the first `offset` bytes; a fresh one where none is right."""
        with self._lock:
            digest = self._kept.pop(upload_id, None)
        return digest if digest is not None and digest.offset <= offset else RunningDigest()

    def keep(self, upload_id: uuid.UUID, digest: RunningDigest) -> None:
        """Until the next request; the one that was left longest goes first."""
        with self._lock:
            self._kept[upload_id] = digest
            while len(self._kept) > DIGESTS_KEPT:
                self._kept.popitem(last=False)

    def forget(self, upload_id: uuid.UUID) -> None:
        """The upload is over."""
        with self._lock:
            self._kept.pop(upload_id, None)


RUNNING = RunningDigests()

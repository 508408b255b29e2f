"""Who wants to know of a run over a raster's pixels, and who may end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from repository.errors import RastrumError
from tasks.cog.halving import Strip
from tasks.cog.validity import Mask, Pixels

SECONDS_BETWEEN_REPORTS = 0.1

OnStrip = Callable[[Pixels, Mask], None]
OnProgress = Callable[[float], None]
Item = TypeVar("Item")


class Cancelled(RastrumError):
    """The owner or the worker asked to stop; nothing was left behind."""

    code, status, title = "cancelled", 409, "Cancelled"


class Progress:
    """Rising shares, at most ten a second."""

    def __init__(self, listener: OnProgress | None) -> None:
        self._listener = listener
        self._next = 0.0

    def report(self, share: float) -> None:
        """Tell the listener, if it is time to."""
        now = time.monotonic()
        if self._listener is not None and (now >= self._next or share >= 1):
            self._next = now + SECONDS_BETWEEN_REPORTS
            self._listener(min(1.0, share))


@dataclass(frozen=True)
class Watch:
    """Who wants to know of a run, and who may end it."""

    progress: Progress
    on_strip: OnStrip | None
    is_cancelled: Callable[[], bool] | None

    def guarded(self, strips: Iterator[Item]) -> Iterator[Item]:
        """The same strips, until somebody asks to stop."""
        for item in strips:
            if self.is_cancelled is not None and self.is_cancelled():
                raise Cancelled("The conversion was stopped on request.")
            yield item

    def on_valid(self, strip: Strip, valid: Sequence[Mask | None]) -> None:
        """Hand a strip of full resolution on."""
        if self.on_strip is not None:
            self.on_strip(strip.pixels, stacked_masks(valid, strip.pixels.shape))


def stacked_masks(valid: Sequence[Mask | None], shape: tuple[int, ...]) -> Mask:
    """Band masks, None for all valid, as one read-only array of `shape` (bands, height, width)."""
    if all(mask is None for mask in valid):
        return np.broadcast_to(np.True_, shape)
    if all(mask is valid[0] for mask in valid):
        return np.broadcast_to(np.asarray(valid[0]), shape)
    everything = np.broadcast_to(np.True_, shape[1:])
    return np.stack([everything if mask is None else mask for mask in valid])

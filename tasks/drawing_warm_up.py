"""Has the tile server's loops loaded before a process is shut in that could not keep them."""

from __future__ import annotations

from numba.core import caching

import tasks.pyramids  # noqa: F401 - all that drawing needs
from tiler.pixels.compiling import compile_for


def warm_up() -> None:
    """Compile the loops, or load them where that was done; from then on nothing is written.

    A child compiles what is not among them itself, each time anew.
    """
    compile_for()
    caching.Cache.save_overload = _keep_nothing  # type: ignore[method-assign]


def _keep_nothing(*_: object) -> None:
    """A child may not write where compiled loops are kept."""

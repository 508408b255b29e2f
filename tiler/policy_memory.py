"""What the public may see, remembered for a moment: only as long as nothing has changed.

Policy is asked for everybody else's every request. Of an anonymous caller's answer it is known
what could change it: writes that raise the catalogue's generation (repository/generation.py).
"""

from __future__ import annotations

import time

from repository import generation
from tiler.pixels.asset_ref import AssetRef
from tiler.products import Caller, find_product

SECONDS = 1.0
"""Nothing is remembered for longer, whatever else may fail."""
MAX_REMEMBERED = 5_000

Address = tuple[str, str, str]
"""Collection, product or product@version, style."""

_remembered: dict[Address, tuple[int, float, AssetRef]] = {}


def recall(address: Address) -> AssetRef | None:
    """The product as the public was shown it a moment ago, if nothing can have changed since."""
    found = _remembered.get(address)
    if found is None or found[0] != generation.current() or found[1] < time.monotonic():
        return None
    return found[2]


def find_public(address: Address) -> AssetRef:
    """As `find_product` for an anonymous caller, and remembered. Asks the database."""
    known_at = generation.current()
    until = time.monotonic() + SECONDS
    ref = find_product(Caller(None, {}), *address)
    if known_at is not None and ref.is_public:
        if len(_remembered) >= MAX_REMEMBERED:
            _remembered.clear()
        _remembered[address] = (known_at, until, ref)
    return ref

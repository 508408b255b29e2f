"""What a raster may promise before anything is decoded: size, bands, cost of a block."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.formats.errors import amount, block_too_large, corrupt, too_large


@dataclass(frozen=True)
class Limits:
    """What a file may promise. The defaults fit a worker with half a gigabyte."""

    decoded_bytes: int = 500 * 10**9
    suspicious_bytes: int = 4 * 2**30
    suspicious_ratio: int = 1000
    """A raster above `suspicious_bytes` may not decode to more than this times its file."""
    block_bytes: int = 256 * 2**20
    bands: int = 1024
    blocks: int = 50_000_000
    metadata_bytes: int = 16 * 2**20
    metadata_items: int = 20_000
    """GDAL's time to open a file grows with their square: 100,000 take 20 seconds."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Extent:
    """The size that a header promises."""

    width: int
    height: int
    bands: int
    sample_bytes: int
    """Of one decoded pixel in one band."""

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all pixels, decoded."""
        return self.width * self.height * self.bands * self.sample_bytes


def check_extent(extent: Extent, size_bytes: int, limits: Limits) -> None:
    """Raises Rejected `corrupt` or `too_large` where a file of `size_bytes` promises too much."""
    if not (0 < extent.width < 2**31 and 0 < extent.height < 2**31 and extent.bands > 0):
        raise corrupt(
            f"Its header says {extent.width} x {extent.height} pixels in {extent.bands} bands."
        )
    if extent.bands > limits.bands:
        raise too_large(f"The raster has {extent.bands} bands; {limits.bands} are taken.")
    size = extent.decoded_bytes
    pixels = f"{extent.width} x {extent.height} pixels, {amount(size)} once decoded"
    if size > limits.decoded_bytes:
        raise too_large(f"The raster has {pixels}; {amount(limits.decoded_bytes)} are taken.")
    if size > limits.suspicious_bytes and size > limits.suspicious_ratio * max(size_bytes, 1):
        raise too_large(
            f"The raster has {pixels}, from a file of only {amount(size_bytes)}: "
            "it is all but empty."
        )


def check_block(block_bytes: int, limits: Limits) -> None:
    """Raises Rejected `block_too_large` where decoding one block takes too much memory."""
    if block_bytes > limits.block_bytes:
        raise block_too_large(block_bytes, limits.block_bytes)

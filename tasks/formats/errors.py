"""The sentences by which a header is refused, shared by all formats."""

from __future__ import annotations

from repository.errors import Rejected

_BROKEN_HINT = "Open it in GDAL or QGIS and write it anew, then upload that file."


def truncated(size_bytes: int, needed_bytes: int) -> Rejected:
    """The error for a file whose tables point past its end."""
    if needed_bytes > 1000 * max(size_bytes, 1_000_000):
        return corrupt(f"Its tables point to byte {needed_bytes} of {size_bytes}.")
    return Rejected(
        f"The file ends too early: {amount(size_bytes)} of {amount(needed_bytes)} are there.",
        code="truncated",
        hint="It was probably cut short while copying. Copy or upload it again.",
    )


def corrupt(sentence: str) -> Rejected:
    """The error for a header that contradicts itself."""
    return Rejected(sentence, code="corrupt", hint=_BROKEN_HINT)


def too_large(sentence: str) -> Rejected:
    """The error for a raster beyond the limits."""
    return Rejected(
        sentence,
        code="too_large",
        hint="Cut the raster into parts, or leave the empty margins out.",
    )


def block_too_large(block_bytes: int, limit_bytes: int) -> Rejected:
    """The error for pixels that can only be decoded many at a time."""
    return Rejected(
        f"One block of the raster decodes to {amount(block_bytes)}; "
        f"{amount(limit_bytes)} are taken.",
        code="block_too_large",
        hint="Cut it into tiles: `gdal_translate -of COG in.tif out.tif`.",
    )


def external_reference(sentence: str) -> Rejected:
    """The error for a file that takes its pixels from somewhere else."""
    return Rejected(
        sentence,
        code="external_reference",
        hint="Write pixels and header into one file: `gdal_translate -of COG input output.tif`.",
    )


def missing_sidecar(sentence: str, hint: str) -> Rejected:
    """The error for one half of a pair."""
    return Rejected(sentence, code="missing_sidecar", hint=hint)


def complex_data(kinds: str) -> Rejected:
    """The error for complex pixels; `kinds` names their types."""
    return Rejected(
        f"The raster holds complex numbers ({kinds}), which have no single value to draw.",
        code="complex_data",
        hint="Upload amplitude or intensity instead, "
        "for example `gdal_calc.py -A in.tif --calc='abs(A)' --outfile=out.tif`.",
    )


def amount(size_bytes: float) -> str:
    """A size for people, in decimal units: 1.9 MB."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size_bytes < 1000 or unit == "TB":
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:,.1f} {unit}"

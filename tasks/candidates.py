"""The rasters that an upload offers: each file recognised, put in place and checked, not yet opened
but where only GDAL can list what it holds; and which of them are meant."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from repository.errors import BadRequest, NeedsInput, Rejected
from repository.findings import Option
from tasks.file_sets import RasterFiles
from tasks.formats.checking import check
from tasks.formats.limits import Limits
from tasks.formats.listing import list_rasters
from tasks.formats.placing import place
from tasks.formats.recognition import recognise
from tasks.formats.records import Format, HeaderFacts, Listing, Subdataset
from tasks.tags import plain_name
from tasks.tiff_metadata import without_harmful_metadata

ALL = "*"
MAX_RASTERS = 200
MAX_OPTIONS = 1000


@dataclass(frozen=True)
class PreparedFile:
    """A file in a folder of its own with its sidecars, its header read and found harmless."""

    files: RasterFiles
    form: Format
    path: Path
    header: HeaderFacts
    listing: Listing
    warnings: tuple[tuple[str, str], ...] = ()
    is_altered: bool = False
    """It is a copy of which metadata were taken out."""
    mask_path: str = ""
    is_member: bool = False
    """It came out of an archive."""


@dataclass(frozen=True)
class Candidate:
    """One raster that may be published."""

    id: str
    """By which an answer names it; unique in the upload."""
    name: str
    """As the owner sees it: `dem.tif`, `scene.nc:NDVI`."""
    file: PreparedFile
    sub: Subdataset

    def option(self) -> Option:
        """As it is offered."""
        option, header = self.sub.option(), self.file.header
        return replace(
            option,
            id=self.id,
            title=option.title if len(self.file.listing.rasters) > 1 else self.name,
            width=option.width or header.width,
            height=option.height or header.height,
            dtype=option.dtype or header.dtype,
        )


def prepare(files: RasterFiles, folder: Path, limits: Limits) -> PreparedFile:
    """The file of a raster, ready to be opened, in `folder`, which is made.

    Raises Rejected where its header or its sidecars forbid that.
    """
    path, name = Path(files.file.path), files.file.name
    sidecars = {ending: Path(file.path) for ending, file in files.sidecars.items()}
    form = recognise(path, name, sidecars)
    placed = place(form, path, name, sidecars, folder)
    notes: tuple[tuple[str, str], ...] = ()
    if form.driver == "GTiff":
        copy, notes = without_harmful_metadata(placed, placed.with_name("copy"))
        if copy != placed:
            os.replace(copy, placed)  # the link to what was handed in, not that file itself
    header = check(form, placed, limits)
    mask_path, mask_notes = _checked_mask(files, header, limits)
    listing = list_rasters(form, placed, header)
    return PreparedFile(
        files, form, placed, header, listing,
        warnings=(*notes, *mask_notes, *listing.warnings), is_altered=bool(notes),
        mask_path=mask_path,
    )  # fmt: skip


def _checked_mask(
    files: RasterFiles, header: HeaderFacts, limits: Limits
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The path of a mask that fits, else an empty string and why it is left out."""
    if files.mask is None:
        return "", ()
    path = Path(files.mask.path)
    try:
        mask = check(recognise(path, "mask.tif", {}), path, limits)
        if (mask.width, mask.height) == (header.width, header.height):
            return str(path), ()
        reason = f"it has {mask.width} x {mask.height} pixels, not {header.width} x {header.height}"
    except Rejected as error:
        reason = error.detail.rstrip(".")
    return "", (
        ("mask_ignored", f"The mask {plain_name(files.mask.name)} was left out: {reason}."),
    )


def candidates_of(files: Sequence[PreparedFile]) -> list[Candidate]:
    """All rasters of all files, in order, with ids that are unique in the upload."""
    alone = len(files) == 1
    result: list[Candidate] = []
    for file in files:
        several = len(file.listing.rasters) > 1
        for sub in file.listing.rasters:
            file_name = file.files.file.name
            name = f"{file_name}:{sub.id}" if sub.subdataset else file_name
            result.append(Candidate(sub.id if alone and several else name, name, file, sub))
    return result


def choose(
    candidates: Sequence[Candidate], answers: Mapping[str, Any], *, must_choose: bool
) -> list[Candidate]:
    """The rasters that are meant: those that the answer names, else the first of each file.

    Raises NeedsInput `choose_subdatasets` where `must_choose` and nothing was answered, BadRequest
    `invalid_answer` where the answer names what is not there, Rejected `too_many_rasters`.
    """
    answer = answers.get("subdatasets")
    if answer is not None:
        chosen = _named(candidates, answer)
    elif must_choose:
        raise _question(candidates)
    else:
        firsts = {id(candidate.file): candidate for candidate in reversed(candidates)}
        chosen = [candidate for candidate in candidates if firsts[id(candidate.file)] is candidate]
    if len(chosen) > MAX_RASTERS:
        raise Rejected(
            f"These are {len(chosen)} rasters; a product has at most {MAX_RASTERS}.",
            code="too_many_rasters",
            hint="Publish them as several products, one a place or a time.",
        )
    return chosen


def _named(candidates: Sequence[Candidate], answer: object) -> list[Candidate]:
    ids = [answer] if isinstance(answer, str) else answer
    known = {candidate.id: candidate for candidate in candidates}
    by_name = {candidate.name: candidate for candidate in candidates}
    if not isinstance(ids, (list, tuple)) or not ids:
        raise _invalid('Give a list of ids, or ["*"] for all.', candidates)
    if list(ids) == [ALL]:
        return list(candidates)
    unknown = [
        one for one in ids if not isinstance(one, str) or not (one in known or one in by_name)
    ]
    if unknown:
        first = ", ".join(list(known)[:5])
        raise _invalid(f"There is no {unknown[0]!r}; there are {first} …", candidates)
    meant = {id(known.get(one) or by_name[one]) for one in ids}
    return [candidate for candidate in candidates if id(candidate) in meant]


def _question(candidates: Sequence[Candidate]) -> NeedsInput:
    question = NeedsInput(
        f"The upload holds {len(candidates)} rasters; which of them are meant?",
        code="choose_subdatasets",
        hint='Give `subdatasets` as a list of ids of `options`, or ["*"] for all of them.',
    )
    question.options = _options_json(candidates)
    return question


def _invalid(hint: str, candidates: Sequence[Candidate]) -> BadRequest:
    error = BadRequest("The answer `subdatasets` is not valid.", code="invalid_answer", hint=hint)
    error.options = _options_json(candidates)
    return error


def _options_json(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [asdict(candidate.option()) for candidate in candidates[:MAX_OPTIONS]]

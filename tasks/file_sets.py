"""Sorts the files of an upload into rasters with their sidecars, attachments, and the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from repository.errors import Rejected
from tasks.attachment_types import PICTURES, media_type
from tasks.formats.table import FORMATS
from tasks.header_owners import owners_of_headers
from tasks.raster_source import HandedFile
from tasks.tags import plain_name

SIDECARS = frozenset(ending for form in FORMATS for ending in form.sidecars)
"""Endings of the files that complete a raster of the same name."""

RASTER_ENDINGS = frozenset(
    {".tif", ".tiff", ".jp2", ".j2k", ".nc", ".nc4", ".h5", ".hdf5", ".he5", ".hdf", ".grib",
     ".grb", ".grib2", ".grb2", ".asc", ".gpkg", ".mbtiles", ".hgt", ".dt0", ".dt1", ".dt2"}
)  # fmt: skip
"""Who names a file so means a raster: where it is none, that is an error and no file to leave."""

MAX_ATTACHMENTS = 200

_NEVER = (".aux.xml", ".ovr", ".vrt", ".rrd", ".aux", ".mrf", ".xml.tmp")
"""Files that GDAL would follow to other places; what they hold is made anew here."""

_BESIDE_PIXELS = (".stx", ".sta", ".enp", ".dbf", ".tab", ".sml", ".roi", ".evf")
"""Statistics, pyramids, tables and regions that ENVI and ESRI write beside raw pixels."""

_UNUSED = {".msk": "it is no TIFF", ".hdr": "no file of raw pixels has its name"}

_JUNK = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_VIRTUAL = (b"<VRTDataset", b"<OGRVRTDataSource", b"<GDALTileIndexDataset")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

Recognise = Callable[[Path, str, Mapping[str, Path]], str]
"""The title of the format of a file of a name with sidecars. Raises Rejected where it has none."""


@dataclass(frozen=True)
class RasterFiles:
    """One raster and the files that belong to it."""

    file: HandedFile
    format: str
    """Its title, for people."""
    sidecars: dict[str, HandedFile] = field(default_factory=dict)
    """By ending, in lower case: `.hdr`."""
    mask: HandedFile | None = None
    """A TIFF that says which pixels are valid, `NAME.tif.msk`."""


@dataclass(frozen=True)
class FileSets:
    """All files of an upload, each in one place."""

    rasters: tuple[RasterFiles, ...]
    attachments: tuple[HandedFile, ...] = ()
    ignored: tuple[tuple[HandedFile, str], ...] = ()
    """Files that are left out, with the reason as the end of a sentence."""


def sort_files(files: Sequence[HandedFile], recognise: Recognise) -> FileSets:
    """Each file's place, by its name and by what `recognise` finds in it.

    The content tells a raster, never the ending. A sidecar belongs to the raster of the same
    folder and name, whatever the case of the letters. Raises Rejected: what `recognise` raised
    where there is no raster or where a raster's ending promises one; `unsupported_format` for
    files that only point at others.
    """
    return _Sorting(files, recognise).result()


class _Sorting:
    """One run of `sort_files`."""

    def __init__(self, files: Sequence[HandedFile], recognise: Recognise) -> None:
        self.files, self.recognise = files, recognise
        self.by_name = {file.name.lower(): file for file in files}
        self.header_owners = owners_of_headers(files, self._is_never_pixels)
        self.rasters: list[RasterFiles] = []
        self.attachments: list[HandedFile] = []
        self.ignored: list[tuple[HandedFile, str]] = []
        self.errors: list[tuple[HandedFile, Rejected]] = []

    def result(self) -> FileSets:
        """See `sort_files`."""
        rest = [file for file in self.files if not self._is_sorted_by_name(file)]
        for file in rest:
            self._look_at(file)
        if not self.rasters:
            raise self._no_raster()
        for file, error in self.errors:
            self._place_unreadable(file, error)
        self._demote_previews()
        self._leave_unused()
        return FileSets(tuple(self.rasters), tuple(self.attachments), tuple(self.ignored))

    def _is_sorted_by_name(self, file: HandedFile) -> bool:
        """Junk and files that are never read. A file that came alone is always looked at."""
        name = file.name.lower()
        if _JUNK.search(file.name):
            self.ignored.append((file, "it is a file of the operating system"))
            return True
        if len(self.files) > 1 and name.endswith(_NEVER):
            self._refuse_virtual(file)
            self.ignored.append((file, "files of this kind are not read, their content is remade"))
            return True
        return _ending(name) in SIDECARS or name.endswith(".msk")

    def _look_at(self, file: HandedFile) -> None:
        self._refuse_virtual(file)
        sidecars = self._sidecars(file)
        try:
            title = self.recognise(
                Path(file.path), file.name, {end: Path(s.path) for end, s in sidecars.items()}
            )
        except Rejected as error:
            if media_type(file.name) is not None:
                self.attachments.append(file)
            else:
                self.errors.append((file, error))
            return
        self.rasters.append(RasterFiles(file, title, sidecars, self._mask(file)))

    def _refuse_virtual(self, file: HandedFile) -> None:
        with Path(file.path).open("rb") as stream:
            start = stream.read(1024)
        is_markup = start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
        if is_markup and any(mark in start for mark in _VIRTUAL):
            raise Rejected(
                f"{plain_name(file.name)} is a virtual raster (VRT): it only names other files.",
                code="unsupported_format",
                hint="Upload the rasters that it is made of, without it; or write them into one: "
                "`gdal_translate -of COG in.vrt out.tif`.",
            )

    def _sidecars(self, file: HandedFile) -> dict[str, HandedFile]:
        """`x.hdr` and `x.dat.hdr` belong to `x.dat`; the longer name wins."""
        name = file.name.lower()
        stem = name[: -len(_ending(name))] if _ending(name) else name
        found = {}
        for ending in sorted(SIDECARS):
            sidecar = self.by_name.get(name + ending) or self.by_name.get(stem + ending)
            if sidecar is not None and sidecar is not file and self._belongs(sidecar, file):
                found[ending] = sidecar
        return found

    def _belongs(self, sidecar: HandedFile, file: HandedFile) -> bool:
        """A header makes pixels of whatever it is read with: only of the file that it is of."""
        name = sidecar.name.lower()
        return _ending(name) != ".hdr" or self.header_owners.get(name) is file

    def _is_never_pixels(self, file: HandedFile) -> bool:
        """Whether no header can make this raw pixels: other files of a raster, or of another kind.

        One that is a raster by itself needs no header.
        """
        name = file.name.lower()
        if name.endswith((*_NEVER, ".msk", *_BESIDE_PIXELS)) or _ending(name) in SIDECARS:
            return True
        if media_type(name) is not None:
            return True
        try:
            self.recognise(Path(file.path), file.name, {})
        except Rejected:
            return False
        return True

    def _mask(self, file: HandedFile) -> HandedFile | None:
        mask = self.by_name.get(file.name.lower() + ".msk")
        if mask is None or not _starts_as_tiff(mask):
            return None
        return mask

    def _no_raster(self) -> Rejected:
        """Why nothing can be published: the fault of the first file that might have been it."""
        if self.errors:
            return _about(self.errors[0][0], self.errors[0][1], alone=len(self.files) == 1)
        for file in self.files:
            if len(self.files) == 1 or _ending(file.name.lower()) == ".hdr":
                try:
                    self.recognise(Path(file.path), file.name, {})
                except Rejected as error:
                    return _about(file, error, alone=len(self.files) == 1)
        names = ", ".join(plain_name(file.name) for file in self.files[:3])
        return Rejected(
            f"There is no raster among the files: {names}{' …' if len(self.files) > 3 else ''}.",
            code="no_raster",
            hint="Upload a raster, for example a GeoTIFF; documents may come with it.",
        )

    def _place_unreadable(self, file: HandedFile, error: Rejected) -> None:
        """A file that is no raster beside one that is."""
        if _ending(file.name.lower()) in RASTER_ENDINGS:
            raise _about(file, error, alone=False)
        self.ignored.append((file, error.detail.rstrip(".")))

    def _demote_previews(self) -> None:
        """Pictures without a place, beside true rasters, are attachments."""
        previews = [raster for raster in self.rasters if _is_unplaced_picture(raster)]
        if len(previews) < len(self.rasters):
            for raster in previews:
                self.rasters.remove(raster)
                self.attachments.append(raster.file)

    def _leave_unused(self) -> None:
        used = {id(raster.file) for raster in self.rasters}
        used |= {id(raster.mask) for raster in self.rasters}
        used |= {id(s) for raster in self.rasters for s in raster.sidecars.values()}
        used |= {id(file) for file in self.attachments} | {id(file) for file, _ in self.ignored}
        for file in self.files:
            if id(file) not in used:
                reason = _UNUSED.get(_ending(file.name.lower()), "no raster has its name")
                self.ignored.append((file, reason))
        for file in self.attachments[MAX_ATTACHMENTS:]:
            self.ignored.append((file, f"only {MAX_ATTACHMENTS} attachments are kept"))
        del self.attachments[MAX_ATTACHMENTS:]


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix


def _starts_as_tiff(file: HandedFile) -> bool:
    with Path(file.path).open("rb") as stream:
        return stream.read(4) in _TIFF


def _is_unplaced_picture(raster: RasterFiles) -> bool:
    return _ending(raster.file.name.lower()) in PICTURES and not raster.sidecars


def _about(file: HandedFile, error: Rejected, *, alone: bool) -> Rejected:
    """The error with the file's name in front, where there are several to choose from."""
    if alone:
        return error
    detail = (
        error.detail if file.name in error.detail else f"{plain_name(file.name)}: {error.detail}"
    )
    return Rejected(detail, hint=error.hint, code=error.code)

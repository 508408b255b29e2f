"""The files of an upload -> the rasters that they hold, with all facts, or a named rejection.

The first step of the way in: unpack archives, sort the files, read headers without GDAL, settle
which rasters are meant, and only then open them one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from repository.errors import BadRequest, RastrumError, Rejected
from repository.findings import FileFindings, FileRole, Findings
from tasks.archives.allowance import ArchiveLimits
from tasks.attachment_types import media_type
from tasks.candidates import PreparedFile, candidates_of, choose, prepare
from tasks.dates import parse_answer
from tasks.describing import Request, describe
from tasks.diagnosis import Diagnosis
from tasks.file_sets import FileSets, RasterFiles, sort_files
from tasks.formats.limits import DEFAULT_LIMITS, Limits
from tasks.formats.recognition import recognise
from tasks.library_errors import library_errors_named
from tasks.raster_source import Attachment, FoundRaster, HandedFile, Inspection
from tasks.tags import plain_name, plain_text
from tasks.unpacking import archive_kind, unpack

_ANSWERS = frozenset({"crs", "bounds", "nodata", "datetime", "subdatasets"})
_NAMES_SHOWN = 5


def inspect_files(
    files: Sequence[HandedFile],
    *,
    folder: Path,
    answers: Mapping[str, Any] | None = None,
    max_decoded_bytes: int = DEFAULT_LIMITS.decoded_bytes,
    say_found: Callable[[Findings], None] = lambda found: None,
) -> Inspection:
    """What the files of one upload hold, with the owner's answers applied.

    `folder` is the job's own: members of archives and rasters with their sidecars are put below
    it under names of ours. `say_found` hears what is known, step by step, also where an error
    follows. Raises Rejected; NeedsInput (`crs_missing`, `bounds_missing`, `choose_subdatasets`);
    BadRequest `invalid_answer`; OutOfSpace.
    """
    diagnosis = Diagnosis(say_found)
    try:
        given = _checked(answers or {})
        limits = replace(DEFAULT_LIMITS, decoded_bytes=max_decoded_bytes)
        named = [replace(file, name=plain_text(file.name, 1000) or "file") for file in files]
        return _Inspection(named, folder, given, limits, diagnosis).run()
    finally:
        diagnosis.tell()


def _checked(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that were given. Raises BadRequest for those that nobody asked for."""
    given = {key: value for key, value in answers.items() if value is not None}
    if unknown := set(given) - _ANSWERS:
        raise BadRequest(f"Unknown answer: {', '.join(sorted(unknown))}.", code="invalid_answer")
    if "datetime" in given:
        parse_answer(given["datetime"])
    return given


class _Inspection:
    """One run of `inspect_files`."""

    def __init__(
        self,
        files: Sequence[HandedFile],
        folder: Path,
        answers: Mapping[str, Any],
        limits: Limits,
        diagnosis: Diagnosis,
    ) -> None:
        self.files, self.folder, self.answers = files, folder, answers
        self.limits, self.diagnosis = limits, diagnosis
        self.members: dict[str, str] = {}
        """Path of each file that came out of an archive -> path of the archive."""

    def run(self) -> Inspection:
        """See `inspect_files`."""
        self.diagnosis.step("unpacking")
        loose = self._unpacked()
        self.diagnosis.step("sorting")
        sets = sort_files(loose, self._recognise)
        self._note_files(sets)
        self.diagnosis.step("reading_header")
        prepared = self._prepared(sets.rasters)
        self.diagnosis.step("choosing")
        candidates = candidates_of(prepared)
        must_choose = self._must_choose(prepared)
        if must_choose:
            self.diagnosis.offer([candidate.option() for candidate in candidates])
        chosen = choose(candidates, self.answers, must_choose=must_choose)
        several = len(chosen) > 1
        request = Request(self.answers, self.limits, self.files[0].name, self.diagnosis, several)
        found = []
        for number, candidate in enumerate(chosen):
            with (
                _named(candidate.name if several else ""),
                library_errors_named(str(candidate.file.path)),
            ):
                found.append(describe(candidate, number, request))
        return Inspection(self._with_notes(found), _attachments(sets))

    def _unpacked(self) -> list[HandedFile]:
        """All files, with the members of archives in their places."""
        archives = [file for file in self.files if self._is_archive(file)]
        if not archives:
            return list(self.files)
        limits = ArchiveLimits(unpacked_bytes=self.limits.decoded_bytes)
        contents = dict(
            zip(archives, unpack(archives, self.folder / "members", limits), strict=True)
        )
        result = []
        for file in self.files:
            for member in contents.get(file, [file]):
                is_member = member is not file
                name = f"{file.name}/{member.name}" if is_member and len(self.files) > 1 else ""
                result.append(replace(member, name=name) if name else member)
                if is_member:
                    self.members[member.path] = file.path
        return result

    def _is_archive(self, file: HandedFile) -> bool:
        """Whether it is to be unpacked: office documents are zip files too, and stay whole."""
        path = Path(file.path)
        size = path.stat().st_size
        self.diagnosis.file(file.path, FileFindings(file.name, size))
        kind = None if media_type(file.name) else archive_kind(path)
        if kind is not None:
            self.diagnosis.file(
                file.path, FileFindings(file.name, size, f"{kind} archive", role="archive")
            )
        return kind is not None

    def _recognise(self, path: Path, name: str, sidecars: Mapping[str, Path]) -> str:
        if str(path) in self.members and archive_kind(path) is not None:
            raise Rejected(
                f"{plain_name(name)} is an archive in an archive; such are not unpacked.",
                code="nested_archive",
                hint="Upload it by itself, or pack all files into one archive.",
            )
        with library_errors_named(str(path)):
            return recognise(path, name, sidecars).title

    def _note_files(self, sets: FileSets) -> None:
        for raster in sets.rasters:
            self._note(raster.file, "raster", raster.format)
            for sidecar in (*raster.sidecars.values(), raster.mask):
                if sidecar is not None:
                    self._note(sidecar, "sidecar")
        for file in sets.attachments:
            self._note(file, "attachment")
        for file, _ in sets.ignored:
            self._note(file, "ignored")
        self.diagnosis.warn(_ignored_warning(sets))

    def _note(self, file: HandedFile, role: FileRole, title: str = "") -> None:
        size = Path(file.path).stat().st_size
        self.diagnosis.file(file.path, FileFindings(file.name, size, title, role))

    def _prepared(self, rasters: Sequence[RasterFiles]) -> list[PreparedFile]:
        """Each raster checked. One that cannot be is left out where the owner has to choose."""
        result, first_error = [], None
        choosing = self._several_members(rasters)
        for number, files in enumerate(rasters):
            folder = self.folder / "rasters" / f"{number:04d}"
            try:
                with (
                    _named(files.file.name if len(rasters) > 1 else ""),
                    library_errors_named(str(folder)),
                ):
                    file = prepare(files, folder, self.limits)
            except Rejected as error:
                if not choosing:
                    raise
                first_error = first_error or error
                self.diagnosis.warn([("member_unreadable", error.detail)])
                continue
            result.append(replace(file, is_member=files.file.path in self.members))
        if not result and first_error is not None:
            raise first_error
        return result

    def _must_choose(self, prepared: Sequence[PreparedFile]) -> bool:
        """Files that came one by one are all meant; an archive of several says nothing.

        Those that cannot be read are no choice.
        """
        return self._several_members([file.files for file in prepared]) or any(
            file.listing.must_choose for file in prepared
        )

    def _several_members(self, rasters: Sequence[RasterFiles]) -> bool:
        archives = [self.members.get(raster.file.path, "") for raster in rasters]
        return any(archive and archives.count(archive) > 1 for archive in set(archives))

    def _with_notes(self, found: Sequence[FoundRaster]) -> tuple[FoundRaster, ...]:
        """The first raster carries what is to be said of the whole upload."""
        first = found[0]
        own = {note for raster in found for note in raster.info.warnings}
        notes = tuple(note for note in self.diagnosis.findings.warnings if note not in own)
        info = replace(first.info, warnings=(*notes, *first.info.warnings))
        return (replace(first, info=info), *found[1:])


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Puts a file's name in front of an error, where there are several files."""
    name = plain_name(name)
    try:
        yield
    except RastrumError as error:
        if name and name not in error.detail:
            error.detail = f"{name}: {error.detail}"
            error.args = (error.detail,)
        raise


def _attachments(sets: FileSets) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            plain_name(file.name),
            file.path,
            media_type(file.name) or "application/octet-stream",
        )
        for file in sets.attachments
    )


def _ignored_warning(sets: FileSets) -> list[tuple[str, str]]:
    if not sets.ignored:
        return []
    shown = "; ".join(
        f"{plain_name(file.name)}: {reason}" for file, reason in sets.ignored[:_NAMES_SHOWN]
    )
    more = len(sets.ignored) - _NAMES_SHOWN
    return [("files_ignored", f"Left out: {shown}{f'; and {more} more' if more > 0 else ''}.")]

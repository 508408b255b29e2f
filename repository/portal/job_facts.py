"""What a job's page says of the journey: its steps, where it ended, what may be done now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from repository.findings import Findings
from repository.models import Job
from repository.models.job import RUNNING_STATES, JobState
from repository.portal.words import duration

NODATA_WARNINGS = frozenset({"nodata_ambiguous", "nodata_ignored", "nodata_out_of_range"})
"""Warnings that a value for "no data" settles, without a new upload."""

STEP_WORDS = {
    "unpacking": "unpacking the archive",
    "sorting": "sorting the files",
    "reading_header": "reading the header",
    "choosing": "looking at what there is to choose",
    "opening": "opening the raster",
    "placing": "finding its place on Earth",
    "describing": "looking at the values",
    "converting": "preparing the map",
    "storing": "saving",
}
"""What inspection was doing last, in words."""


@dataclass(frozen=True)
class Step:
    """A state that a job went through."""

    word: str
    began: datetime | None
    took: str
    """Empty for the state that the job is in."""


def findings_of(row: Job) -> Findings:
    """What inspection found so far; nothing where the record is of another shape."""
    try:
        return Findings.from_json(row.found or {})
    except (KeyError, TypeError, ValueError):
        return Findings()


def steps_of(row: Job) -> list[Step]:
    """The states gone through, with how long each took."""
    times = [(state, parse_datetime(instant)) for state, instant in row.timeline]
    steps = []
    for index, (state, began) in enumerate(times):
        after = times[index + 1][1] if index + 1 < len(times) else None
        took = duration((after - began).total_seconds()) if after and began else ""
        steps.append(Step(str(JobState(state).label), began, took))
    return steps


def stopped_at(row: Job) -> str:
    """The step at which the journey ended early, in words; empty where it had not begun."""
    running = [state for state, _ in row.timeline if state in RUNNING_STATES]
    if not running:
        return ""
    if running[-1] == JobState.INSPECTING and (step := findings_of(row).step) in STEP_WORDS:
        return STEP_WORDS[step]
    return str(JobState(running[-1]).label).lower()


def may_retry(row: Job) -> bool:
    """A rejected file stays what it is; only what may go better next time is tried again."""
    if row.state == JobState.REJECTED:
        return bool((row.error or {}).get("retryable"))
    return row.state in (JobState.FAILED, JobState.CANCELLED)


def asks_for_nodata(codes: set[str]) -> bool:
    """Whether one of the warnings is settled by naming the value that means no data."""
    return bool(codes & NODATA_WARNINGS)


def support_report(row: Job) -> str:
    """What an operator needs to look into it, as text to copy."""
    error = row.error or {}
    lines = [
        f"Upload {row.id}",
        *(
            f"File: {file.file_name}, {file.size} bytes, SHA-256 {file.sha256}"
            for file in row.upload.files.all()
        ),
        f"Collection: {row.collection_id}",
        f"State: {row.state}, tries: {row.attempts}",
        *(f"{state}: {instant}" for state, instant in row.timeline),
    ]
    if row.answers:
        lines.append(f"Answers: {json.dumps(row.answers, ensure_ascii=False)[:2000]}")
    if error:
        lines.append(f"Error {error.get('code')}: {error.get('message')}")
        lines.append(f"Hint: {error.get('hint')}")
    lines += [f"Warning {w.get('code')}: {w.get('message')}" for w in row.warnings]
    return "\n".join(lines)


def raw_details(row: Job) -> str:
    """The records behind the page as JSON, pictures left out."""
    found: dict[str, Any] = {**findings_of(row).to_json()}
    found["rasters"] = [
        {name: value for name, value in raster.items() if name != "quicklook_png"}
        for raster in found["rasters"]
    ]
    return json.dumps({"error": row.error, "found": found}, indent=2, ensure_ascii=False)[:100_000]

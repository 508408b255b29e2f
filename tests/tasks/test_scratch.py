from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now

from repository import jobs
from repository.models import Job
from tasks.scratch import clear_scratch
from tests.repository.conftest import MakeJob

pytestmark = pytest.mark.django_db
DAY = 24 * 3600


def aged(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if path.parent.name == "jobs" else path.write_bytes(b"x")
    past = time.time() - seconds
    os.utime(path, (past, past))
    return path


def test_old_scratch_is_cleared_and_new_is_left(tmp_path: Path) -> None:
    old, new = aged(tmp_path / "incoming" / "old", DAY + 60), aged(tmp_path / "incoming" / "new", 0)
    assert clear_scratch(tmp_path, DAY) == ["incoming/old"]
    assert (old.exists(), new.exists()) == (False, True)


def test_a_rehearsal_removes_nothing(tmp_path: Path) -> None:
    old = aged(tmp_path / "incoming" / "old", DAY + 60)
    assert clear_scratch(tmp_path, DAY, rehearse=True) == ["incoming/old"]
    assert old.exists()


def test_the_folder_of_a_living_worker_stays(tmp_path: Path, make_job: MakeJob) -> None:
    lease = jobs.claim(make_job().pk, "worker")
    assert lease is not None
    folder = aged(tmp_path / "jobs" / f"{lease.job_id}-{lease.token}", 3600)
    assert clear_scratch(tmp_path, DAY) == []
    assert folder.exists()


def test_the_folder_of_a_dead_worker_goes_when_its_job_has_another(
    tmp_path: Path, make_job: MakeJob, settings: LazySettings
) -> None:
    first = jobs.claim(make_job().pk, "worker")
    assert first is not None
    Job.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert jobs.claim(first.job_id, "another") is not None
    folder = aged(tmp_path / "jobs" / f"{first.job_id}-{first.token}", settings.LEASE_SECONDS + 5)
    clear_scratch(tmp_path, DAY)
    assert not folder.exists()


def test_a_folder_that_was_just_made_stays(tmp_path: Path) -> None:
    folder = aged(tmp_path / "jobs" / f"{uuid.uuid4()}-1", 0)
    clear_scratch(tmp_path, DAY)
    assert folder.exists()


def test_a_file_that_goes_away_meanwhile_does_not_end_the_round(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "dangling").symlink_to(tmp_path / "nowhere")
    assert clear_scratch(tmp_path, DAY) == []

"""A disk that runs low: 507 to who sends, jobs that wait, and nothing lost."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.callers import TUS, C, Caller
from tests.faults.world import World, job_of

pytestmark = [pytest.mark.faults, pytest.mark.services]


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Less room than MIN_FREE_BYTES: all that a small disk of its own has left is taken."""
    ballast = folder / "ballast"
    free = _free(folder)
    with ballast.open("wb") as file:
        while free > 600_000:
            file.write(bytes(max(4096, min(free - 500_000, 2**20))))
            file.flush()
            free = _free(folder)
    try:
        yield
    finally:
        ballast.unlink()


def _free(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free


@pytest.fixture
def small_disk(folder_world: World) -> Iterator[Path]:
    """A disk of 64 MB over the folder where uploads and jobs are worked on."""
    folder = folder_world.product.data_dir / "work"
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)],
                             capture_output=True, check=False)  # fmt: skip
    if mounted.returncode:
        pytest.xfail("a disk of its own needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_507_and_loses_nothing(
    folder_world: World, sender: Caller, small_disk: Path
) -> None:
    kept = sender.new_entry()
    said = f"filename {_b64(f'{kept.id}.tif')},collection {_b64(C)},id {_b64(kept.id)}"
    headers = TUS | {"Upload-Length": str(len(kept.content)), "Upload-Metadata": said}
    address = sender.client.post("/api/uploads/", headers=headers).headers["Location"]
    half = len(kept.content) // 2
    patch = TUS | {"Content-Type": "application/offset+octet-stream"}
    sender.client.request("PATCH", address, data=kept.content[:half],
                          headers=patch | {"Upload-Offset": "0"})  # fmt: skip
    with filled(small_disk):
        form = sender.client.send_file(C, kept.content, "other.tif", id="full")
        assert (form.status_code, form.json()["code"]) == (507, "out_of_space")
        assert "Retry-After" in form.headers
        rest = sender.client.request("PATCH", address, data=kept.content[half:],
                                     headers=patch | {"Upload-Offset": str(half)})  # fmt: skip
        assert rest.status_code == 507
        head = sender.client.request("HEAD", address, headers=TUS)
        assert int(head.headers["Upload-Offset"]) >= half
    offset = int(head.headers["Upload-Offset"])
    rest = sender.client.request("PATCH", address, data=kept.content[offset:],
                                 headers=patch | {"Upload-Offset": str(offset)})  # fmt: skip
    sender._acknowledge(kept, rest.headers["Upload-Job"])
    assert sender.wait_for(kept, "published")


def test_a_job_waits_for_room_without_using_up_its_tries(
    folder_world: World, sender: Caller, small_disk: Path
) -> None:
    entry = sender.new_entry()
    folder_world.arm("jobs.claim.before", "sleep:2")
    sender.send_form(entry)
    with filled(small_disk):
        time.sleep(10)
        assert sender.wait_for(entry, "queued")
        job = job_of(sender.client, entry.job)
        assert (job["error"]["code"], job["step"]) == ("out_of_space", "No space left")
        tries = [state for state, _ in job["timeline"]].count("inspecting")
        assert tries > 2, "it was tried again and again"
        assert job["attempts"] <= 1
    assert sender.wait_for(entry, "published", seconds=60)


def test_a_write_that_finds_the_disk_full_in_the_middle_is_507(
    folder_world: World, sender: Caller
) -> None:
    folder_world.arm("resumable.write.before", "raise:full")
    entry = sender.new_entry()
    sender.send_in_parts(entry)
    assert entry.job
    assert sender.wait_for(entry, "published")


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

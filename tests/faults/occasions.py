"""For each failpoint something that a caller, or time, does and that reaches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.faults.callers import TUS, C, raster
from tests.faults.ledger import Entry, Fate

if TYPE_CHECKING:
    from tests.faults.world import Cycle

Occasion = Callable[["Cycle"], None]


def a_form(cycle: Cycle) -> None:
    """A file in a form."""
    cycle.caller.send_form(cycle.caller.new_entry())


def an_upload_in_parts(cycle: Cycle) -> None:
    """A file by tus."""
    cycle.caller.send_in_parts(cycle.caller.new_entry())


def a_long_job(cycle: Cycle) -> None:
    """Long enough for a heartbeat, whichever job it is that sleeps."""
    cycle.world.arm("jobs.note_findings.after", "sleep:3")
    cycle.caller.send_form(cycle.caller.new_entry())


def a_large_upload_in_parts(cycle: Cycle) -> None:
    """Longer than a part of the store's; noise, so its job ends as rejected."""
    entry = cycle.caller.new_entry(content=cycle.chance.randbytes(17 * 2**20))
    cycle.caller.send_in_parts(entry)
    entry.fate = Fate.REFUSED


def an_upload_of_pieces(cycle: Cycle) -> None:
    """Sent in two pieces, which are joined."""
    cycle.caller.send_joined(cycle.caller.new_entry())


def a_given_up_upload(cycle: Cycle) -> None:
    """Begun and terminated."""
    if address := _begun(cycle):
        cycle.caller.insist("DELETE", address, headers=TUS)


def _begun(cycle: Cycle) -> str:
    headers = TUS | {"Upload-Length": "10"}
    answer = cycle.caller.insist("POST", "/api/uploads/", headers=headers)
    return answer.headers["Location"] if answer is not None and answer.ok else ""


def a_text(cycle: Cycle) -> None:
    """A file that is no raster."""
    entry = cycle.caller.new_entry(content=b"This is no raster at all.\n" * 50)
    cycle.caller.send_form(entry)
    entry.fate = Fate.REFUSED


def a_question(cycle: Cycle) -> None:
    """A raster without a CRS, and the owner's answer."""
    entry = cycle.caller.new_entry(content=raster(cycle.chance, crs=None))
    cycle.caller.send_form(entry)
    if entry.job and cycle.caller.wait_for(entry, "needs_input"):
        address = f"/api/jobs/{entry.job}/input"
        cycle.caller.insist("POST", address, json={"crs": "EPSG:32633"})
    cycle.asked.append(entry)


def a_cancelled_job(cycle: Cycle) -> None:
    """Cancelled as soon as it is known."""
    entry = cycle.caller.new_entry()
    cycle.caller.send_form(entry)
    if entry.job:
        cycle.caller.cancel(entry)


def a_job_that_is_started_over(cycle: Cycle) -> None:
    """Cancelled, then tried again after all."""
    a_cancelled_job(cycle)
    for entry in cycle.ledger.with_fate(Fate.CANCELLED)[-1:]:
        cycle.caller.retry(entry)


def a_failure_of_ours(cycle: Cycle) -> None:
    """A step fails once in the worker; its job waits for the next try."""
    cycle.world.arm("jobs.advance.before", "raise:disk")
    cycle.caller.send_form(cycle.caller.new_entry())


def a_job_that_killed_its_workers(cycle: Cycle) -> None:
    """The sweeper gives it up: it ends as failed."""
    for _ in range(3):
        a_cancelled_job(cycle)
        if cancelled := cycle.ledger.with_fate(Fate.CANCELLED):
            cycle.world.auditor.insist("lose_workers_for_good", job=cancelled[-1].job)
            return


def a_removal(cycle: Cycle) -> None:
    """A product is removed, and its objects after the grace."""
    published = cycle.published()
    if published is not None:
        cycle.caller.remove(published)


def a_change(cycle: Cycle) -> None:
    """Its title."""
    if (entry := cycle.published()) is not None:
        address = f"/api/products/{C}/{entry.id}"
        cycle.caller.insist("PATCH", address, json={"title": f"Changed in {cycle.number}"})


def a_style(cycle: Cycle) -> None:
    """Made, changed and removed."""
    if (entry := cycle.published()) is not None:
        address = f"/api/products/{C}/{entry.id}/styles/walk"
        for high in (1, 2):
            definition = {"kind": "ramp", "bands": [1], "stretch": [[0, high]]}
            cycle.caller.insist("PUT", address, json={"definition": definition})
        cycle.caller.insist("DELETE", address)


def a_dropped_file(cycle: Cycle) -> None:
    """Put into the drop box: the scheduler makes its job, and puts it away in the end."""
    entry = cycle.caller.new_entry()
    folder = cycle.world.box / C
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{entry.id}"
    draft.write_bytes(entry.content)
    draft.rename(folder / f"{entry.id}.tif")
    cycle.world.wait_for_the_box()


def a_new_version(cycle: Cycle) -> None:
    """The same originals with other answers."""
    if (entry := cycle.published()) is not None:
        cycle.try_auditor("reprocess", product=entry.id)


def a_removed_collection(cycle: Cycle) -> None:
    """An empty one."""
    name = f"empty-{cycle.number}"
    cycle.caller.insist("POST", "/api/collections", json={"id": name, "title": name})
    cycle.caller.insist("DELETE", f"/api/collections/{name}")


def a_reconciliation(cycle: Cycle) -> None:
    """Store and database are compared, with something to find."""
    cycle.world.auditor.insist("leave_litter")


def tiles_ahead_of_time(cycle: Cycle) -> None:
    """The tiles of a product, and of all others, are drawn and stored."""
    if cycle.published() is None:
        cycle.caller.send_form(cycle.caller.new_entry())
    cycle.world.auditor.insist("draw_ahead")


def tiles_that_nobody_needs(cycle: Cycle) -> None:
    """Stored ones go away."""
    cycle.world.auditor.insist("purge_pyramids")


def _of(occasion: Occasion, *names: str) -> dict[str, Occasion]:
    return dict.fromkeys(names, occasion)


OCCASIONS: dict[str, Occasion] = {
    **_of(a_form, "uploads.accept", "store.stage", "store.place", "store.unstage", "broker.send",
          "jobs.note_ring", "jobs.claim", "jobs.advance", "jobs.note_findings", "jobs.publish",
          "overviews.store", "generation.raise"),
    **_of(an_upload_in_parts, "resumable.make", "resumable.begin", "resumable.cut",
          "resumable.write", "resumable.sync", "resumable.acknowledge", "resumable.unlink",
          "store.put_short", "resumable.note_stored", "resumable.empty"),
    **_of(a_large_upload_in_parts, "store.begin_parts", "store.put_part", "store.finish_parts",
          "resumable.note_parts"),
    **_of(an_upload_of_pieces, "resumable.join", "resumable.copy", "resumable.release"),
    **_of(a_given_up_upload, "resumable.claim", "resumable.forget"),
    **_of(a_long_job, "jobs.beat"),
    **_of(a_text, "jobs.finish"),
    **_of(a_question, "jobs.answer"),
    **_of(a_cancelled_job, "jobs.cancel"),
    **_of(a_job_that_is_started_over, "jobs.retry"),
    **_of(a_failure_of_ours, "jobs.give_back"),
    **_of(a_job_that_killed_its_workers, "jobs.give_up"),
    **_of(a_removal, "registration.remove", "sweeping.purge", "store.delete"),
    **_of(a_change, "registration.amend", "products.change"),
    **_of(a_style, "styles.create", "styles.change", "styles.remove"),
    **_of(a_dropped_file, "imports.accept", "imports.keep", "dropbox.settle"),
    **_of(a_new_version, "jobs.reprocess"),
    **_of(a_removed_collection, "collections.remove"),
    **_of(tiles_ahead_of_time, "pyramids.plan", "pyramids.write", "pyramids.finish"),
    **_of(tiles_that_nobody_needs, "pyramids.forget"),
    **_of(a_reconciliation, "reconciling.rows", "scratch.remove", "store.abort"),
}  # fmt: skip
"""Failpoint -> what reaches it."""

S3_ALONE = {
    "store.abort", "store.begin_parts", "store.put_part", "store.finish_parts", "store.put_short",
    "resumable.note_parts", "resumable.note_stored", "resumable.empty",
}  # fmt: skip
FOLDER_ALONE = {"resumable.copy"}


def finish_answers(cycle: Cycle, entry: Entry) -> None:
    """The owner comes back to a question that is still open."""
    if entry.job and cycle.caller.wait_for(entry, "needs_input", "published", seconds=30):
        cycle.caller.insist("POST", f"/api/jobs/{entry.job}/input", json={"crs": "EPSG:32633"})

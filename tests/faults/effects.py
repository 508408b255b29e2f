"""The list of external effects and of failpoints, read from the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.test_imports import TASKS_WITH_DATABASE

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("repository", "tasks")
GUARDS = {"around", "commit"}
"""repository.failpoints.around and repository.transactions.commit."""

CALLS = {
    # the store
    "upload_file", "upload_fileobj", "upload_part", "put_object", "copy_object",
    "bucket.copy", "create_multipart_upload", "complete_multipart_upload", "abort_multipart_upload",
    "delete_object", "delete_objects",
    # the broker
    "send_task", "apply_async",
    # the disk
    "os.replace", "os.rename", "os.link", "os.unlink", "os.remove", "os.pwrite", "os.ftruncate",
    "os.truncate", "os.copy_file_range", "os.fsync", "os.fdatasync", "shutil.copyfile",
    "shutil.move", "shutil.rmtree",
    "unlink", "rename", "touch",
    # the database
    "transaction.atomic",
}  # fmt: skip
ROWS = {"Asset", "Job", "Product", "ResumableUpload", "Upload", "UploadedFile"}
"""Models whose rows say what became of somebody's bytes; a write of one is an effect."""
WRITES = {"create", "update", "delete", "bulk_create", "get_or_create", "update_or_create"}

NOT_OURS = {
    "repository.failpoints": "it is the failpoint",
    "repository.transactions": "it is the guard",
    "repository.api.receiving": "scratch of a request: nothing of it was acknowledged",
    "repository.collections.create": "one row of its own, with no bytes behind it",
    "repository.generation.raise_generation": "its caller has a failpoint, or heard of a commit",
    "repository.jobs.enqueue": "inside the caller's transaction",
    "repository.jobs._write": "the fence; each caller has its own failpoint",
    "repository.jobs._set": "inside the caller's transaction",
    "repository.overviews.branch": "rows without a picture, added again where they are missing",
    "repository.overviews.prune": "pictures that are made anew from the catalogue",
    "repository.registration.reserve": "a savepoint inside the caller's transaction",
    "repository.registration.reserve_again": "inside the caller's transaction",
    "repository.registration.release": "inside the caller's transaction",
    "repository.registration.publish": "inside the caller's transaction",
    "repository.resumable_ending._settle": "inside the caller's transaction",
    "repository.resumable_ending._hash": "a digest that is not kept is computed anew",
    "repository.resumable_sweeping.end_what_is_whole": "the order of a queue alone",
    "repository.collections._delete_with_objects": "inside the caller's transaction",
    "repository.storage._sync": "its callers have failpoints around it",
    "repository.storage._linked": "its callers have failpoints, or link into scratch",
    "repository.storage.LocalObjects.fetch": "scratch of a job",
    "repository.pyramids.show": "inside the caller's transaction",
    "tasks.ingest.ingest": "scratch of a job",
    "tasks.prerendering._work": "scratch of a pyramid",
    "repository.dropbox.bucket.BucketBox._move": "its caller has a failpoint around it",
    "repository.dropbox.folder._write_note": "a note for people, written by who settles the item",
    "tasks.reconciling.reconcile_when_due": "a stamp; without it the comparison is done again",
}
"""Effects that need no failpoint around them, and why; a name covers what it encloses."""


@dataclass(frozen=True)
class Effect:
    """One call that changes something outside this process."""

    where: str
    """module.function"""
    line: int
    call: str
    guard: str
    """Name of the failpoint around it; empty: there is none."""


def effects() -> list[Effect]:
    """Every external effect of the way in, and what guards it."""
    found: list[Effect] = []
    for path in _modules():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found += _effects_in(ast.parse(path.read_text()), module.removesuffix(".__init__"), "")
    return found


def failpoints() -> set[str]:
    """The names of all failpoints in the code."""
    return {
        name
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (name := _guard(node))
    }


def exempt(where: str) -> str:
    """The entry of NOT_OURS that covers a place; empty for none."""
    parts = where.split(".")
    names = (".".join(parts[:upto]) for upto in range(len(parts), 0, -1))
    return next((name for name in names if name in NOT_OURS), "")


def _modules() -> Iterator[Path]:
    """All but pixel steps: their child reaches nothing but the scratch of its job."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            in_child = room == "tasks" and not re.fullmatch(TASKS_WITH_DATABASE, module)
            if "migrations" not in path.parts and not in_child:
                yield path


def _effects_in(node: ast.AST, where: str, guard: str) -> Iterator[Effect]:
    for child in ast.iter_child_nodes(node):
        inner_where, inner_guard = where, guard
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner_where = f"{where}.{child.name}"
        if isinstance(child, ast.With):
            yield from _with(child, where, guard)
            continue
        if isinstance(child, ast.Call) and (call := _effect(child)):
            yield Effect(where, child.lineno, call, guard)
        yield from _effects_in(child, inner_where, inner_guard)


def _with(statement: ast.With, where: str, guard: str) -> Iterator[Effect]:
    """A guard covers the items after it, and the body."""
    for item in statement.items:
        if isinstance(item.context_expr, ast.Call) and (name := _guard(item.context_expr)):
            guard = name
        wrapped = ast.Expression(item.context_expr)
        yield from _effects_in(wrapped, where, guard)
    yield from _effects_in(ast.Module(statement.body, []), where, guard)


def _guard(call: ast.Call) -> str:
    """The failpoint's name where the call is a guard."""
    named = isinstance(call.func, ast.Name) and call.func.id in GUARDS and call.args
    if not named or not isinstance(call.args[0], ast.Constant):
        return ""
    return str(call.args[0].value)


def _effect(call: ast.Call) -> str:
    """What the call changes; empty for a harmless one."""
    dotted = _dotted(call.func).removeprefix("self.")
    last = dotted.rpartition(".")[2]
    if dotted in CALLS or (last in CALLS and "." in dotted):
        return dotted
    if last in WRITES and dotted.split(".")[0] in ROWS:
        return dotted
    if last == "delete" and (".Object." in dotted or dotted.startswith("super.")):
        return dotted
    return ""


def _dotted(node: ast.AST) -> str:
    """`a.b().c` as a.b.c."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    return node.id if isinstance(node, ast.Name) else ""

"""Every code that an error or a warning can carry is told in the documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
NEVER_SENT = {"error", "lease_lost", "rejected", "needs_input", "wmts_error", "bad_item"}
"""Of base classes that are always raised under a code of their own, or inside the workers."""


def modules(*rooms: str) -> Iterator[ast.Module]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield ast.parse(path.read_text())


def error_codes(tree: ast.Module) -> Iterator[str]:
    """`code="..."` of calls, and `code = "..."` of classes, alone or as the first of several."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (text(k.value) for k in node.keywords if k.arg == "code")
        elif isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign):
                    yield from _of_class(line)


def _of_class(line: ast.Assign) -> Iterator[str]:
    target, value = line.targets[0], line.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        target, value = target.elts[0], value.elts[0]
    if isinstance(target, ast.Name) and target.id == "code":
        yield text(value)


def warning_codes(tree: ast.Module) -> Iterator[str]:
    """First members of (code, sentence) pairs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            code, sentence = node.elts
            says = isinstance(sentence, ast.JoinedStr) or text(sentence).endswith(".")
            if says and "_" in text(code) and CODE.fullmatch(text(code)):
                yield text(code)


def text(node: ast.AST) -> str:
    """A literal's text; empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def told(document: str) -> set[str]:
    """Codes between backticks."""
    return set(re.findall(r"`([a-z][a-z0-9_]*)`", (ROOT / "docs" / document).read_text()))


def test_the_api_document_lists_every_error_code() -> None:
    found = {code for tree in modules("repository", "tasks", "tiler") for code in error_codes(tree)}
    codes = {code for code in found if CODE.fullmatch(code)} - NEVER_SENT
    assert len(codes) > 60
    assert sorted(codes - told("api.md")) == []


def test_the_api_document_lists_every_warning() -> None:
    codes = {code for tree in modules("tasks") for code in warning_codes(tree)}
    assert "more_pages" in codes
    assert sorted(codes - told("api.md")) == []


def test_whoever_uploads_reads_what_each_code_of_a_job_means() -> None:
    section = (ROOT / "docs" / "api.md").read_text().split("### Why a job is rejected, or asks")[1]
    codes = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", section.split("\n## ")[0]))
    codes -= {"needs_input"}
    assert len(codes) > 30
    assert sorted(codes - told("uploading.md")) == []


def test_a_code_in_a_call_and_in_a_class_is_seen() -> None:
    tree = ast.parse(
        'class A(E):\n    code, status = "in_class", 1\nraise B("x", code="in_call")\n'
    )
    assert set(error_codes(tree)) == {"in_class", "in_call"}
    pair = ast.parse('notes.append(("in_pair", f"It is {so}."))')
    assert list(warning_codes(pair)) == ["in_pair"]

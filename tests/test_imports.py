"""The house's directions: who may import whom, by one table over all imports."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("repository", "tasks", "tiler", "config")
PIXEL_LIBRARIES = {
    "PIL",
    "affine",
    "imagecodecs",
    "isal",
    "llvmlite",
    "morecantile",
    "numba",
    "numpy",
    "obstore",
    "pyproj",
    "rasterio",
    "rio_cogeo",
    "rio_tiler",
    "shapely",
}
L0 = r"repository\.(raster_info|findings|rendering_style|formulas|errors|principal)"
L1 = r"repository\.(models(\..+)?|names|apps|migrations(\..+)?)"
L3_ROOMS = "api|portal|protocols|management|admin|downloads|asgi"
L3 = rf"repository\.({L3_ROOMS})(\..+)?"
L2 = rf"repository(?!\.(?:{L3_ROOMS})\b)(\..+)?"
TASKS_WITH_DATABASE = (
    r"tasks\.(ingest|heartbeat|storing|sweeping|scratch|expiry|reconciling|fixity|imports|dropbox|"
    r"prerendering|overviews|overview_building|overview_members)"
)
SERVICE_LIBRARIES = "django|celery|kombu|ninja|fastapi|starlette|storages|redis|psycopg"
WEB_AND_QUEUE = rf"({SERVICE_LIBRARIES}|titiler|pygeoapi)(\..+)?"
RASTER_LIBRARIES = "(rasterio|rio_cogeo|rio_tiler|imagecodecs|osgeo|titiler)(\\..+)?"


@dataclass(frozen=True)
class Import:
    """`importer` (dotted) names `imported` (dotted, a module or a name in one)."""

    importer: str
    imported: str
    line: int


@dataclass(frozen=True)
class Rule:
    """Modules that match `importers` import nothing that matches `forbidden`."""

    name: str
    importers: str
    forbidden: str
    unless: str = r"(?!)"
    """Importers that may."""


RULES = [
    Rule(
        "nobody imports config but the entries",
        r"(repository|tasks|tiler)(\..+)?",
        r"config(\..+)?",
    ),
    Rule("repository knows nobody", r"repository(\..+)?", r"(tasks|tiler)(\..+)?"),
    Rule("tiler never imports tasks", r"tiler(\..+)?", r"tasks(\..+)?"),
    Rule(
        "tasks import of tiler its pixels alone", r"tasks(\..+)?", r"tiler(?!\.pixels(\.|$))(\..+)?"
    ),
    Rule("L1 stands on L0", L1, rf"repository\.(?!(models|names)\b)(?!({L0[12:]})\b).+"),
    Rule("L2 does not look up to L3", L2, L3),
    Rule("the catalogue opens no raster", r"repository(\..+)?", RASTER_LIBRARIES),
    Rule("pixels know no web, queue or database", r"tiler\.pixels(\..+)?", WEB_AND_QUEUE),
    Rule(
        "pixels of the catalogue know L0 alone",
        r"tiler\.pixels(\..+)?",
        rf"repository\.(?!({L0[12:]})\b).+",
    ),
    Rule(
        "pixel steps know no web, queue or database",
        r"tasks(\..+)?",
        WEB_AND_QUEUE,
        unless=TASKS_WITH_DATABASE,
    ),
    Rule(
        "pixel steps of the catalogue know L0 alone",
        r"tasks(\..+)?",
        rf"repository\.(?!({L0[12:]})\b).+",
        unless=TASKS_WITH_DATABASE,
    ),
    # Products one by one, resources of OGC API, and all products of a place at once, whose
    # queries are made ahead (`member_queries`).
    Rule(
        "tiler reaches the catalogue by three doors",
        r"tiler(\..+)?",
        rf"repository\.(?!({L0[12:]}|links|asgi|boxes|times|generation)\b).+",
        unless=r"tiler\.(products|collection_members|member_queries|prepared_queries|ogc\.resources)",
    ),
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> Iterator[Import]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                yield from _named(module_name(path), node)


def _named(importer: str, node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(importer, alias.name, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{importer}:{node.lineno} imports relatively"
        for alias in node.names:
            yield Import(importer, f"{node.module}.{alias.name}", node.lineno)


ALL = list(imports())
MODULES = {module_name(path) for room in ROOMS for path in (ROOT / room).rglob("*.py")}


def target(imported: str) -> str:
    """The module of ours that an import reads: of `a.b.name`, a.b where name is no module."""
    return imported if imported in MODULES else imported.rpartition(".")[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_imports_keep_to_the_directions(rule: Rule) -> None:
    broken = [
        f"{found.importer}:{found.line} imports {found.imported}"
        for found in ALL
        if re.fullmatch(rule.importers, found.importer)
        and not re.fullmatch(rule.unless, found.importer)
        and re.fullmatch(rule.forbidden, found.imported)
    ]
    assert not broken, f"{rule.name}:\n" + "\n".join(broken)


def test_the_shared_records_need_the_standard_library_alone() -> None:
    foreign = [
        f"{found.importer}:{found.line} imports {found.imported}"
        for found in ALL
        if re.fullmatch(L0, found.importer)
        and found.imported.split(".")[0] not in sys.stdlib_module_names
        and not re.fullmatch(rf"{L0}(\..+)?", found.imported)
    ]
    assert not foreign, "\n".join(foreign)


def test_pixel_modules_use_the_listed_libraries_alone() -> None:
    pixel = [
        f
        for f in ALL
        if re.fullmatch(r"(tiler\.pixels|tasks)(\..+)?", f.importer)
        and not re.fullmatch(TASKS_WITH_DATABASE, f.importer)
    ]
    known = PIXEL_LIBRARIES | set(sys.stdlib_module_names) | {"repository", "tasks", "tiler"}
    foreign = [
        f"{f.importer}:{f.line} imports {f.imported}"
        for f in pixel
        if f.imported.split(".")[0] not in known
    ]
    assert not foreign, "\n".join(foreign)


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_imports_itself_by_a_detour(room: str) -> None:
    edges: dict[str, set[str]] = {}
    for found in ALL:
        imported = target(found.imported)
        if imported in MODULES and imported.split(".")[0] == found.importer.split(".")[0] == room:
            edges.setdefault(found.importer, set()).add(imported)
    circle = _circle(edges)
    assert circle is None, "imports go round: " + " -> ".join(circle or [])


def _circle(edges: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str] | None:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return None
        for following in sorted(edges.get(module, ())):
            if found := walk(following, [*trail, module]):
                return found
        done.add(module)
        return None

    return next((found for module in sorted(edges) if (found := walk(module, []))), None)


def test_a_circle_is_seen() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]

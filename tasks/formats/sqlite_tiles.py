"""Checks GeoPackage and MBTiles files with SQLite itself, read-only, before GDAL runs their SQL.

OGC 12-128r18 (GeoPackage) and the MBTiles specification 1.3.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from repository.errors import Rejected
from tasks.formats.errors import corrupt, truncated
from tasks.formats.reading import header_of

MAGIC = (b"SQLite format 3\0",)

_MAX_STEPS = 100_000
"""Of a thousand instructions of SQLite's machine: some five seconds."""
_MAX_TABLES = 5_000
_PLAIN_CALLS = frozenset({"using", "on", "as", "select", "in", "and", "or", "where", "values"})


@contextmanager
def sqlite_of(path: Path) -> Iterator[sqlite3.Connection]:
    """The database open for reading, found complete; what it can make us do is bounded.

    Raises Rejected `truncated` or `corrupt`, from the body of the `with` too.
    """
    _check_pages(path)
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(address, uri=True)
    except sqlite3.Error as error:
        raise corrupt("SQLite cannot open the file.") from error
    try:
        steps = iter(range(_MAX_STEPS))
        connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        yield connection
    except sqlite3.Error as error:
        raise corrupt("The tables of the file cannot be read by SQLite.") from error
    finally:
        connection.close()


def kinds(connection: sqlite3.Connection) -> dict[str, str]:
    """`table` or `view` by name in lower case; raises Rejected where a view may call functions."""
    rows = connection.execute(
        "SELECT lower(name), type, sql FROM sqlite_master WHERE type IN ('table', 'view') LIMIT ?",
        (_MAX_TABLES,),
    )
    result = {}
    for name, kind, sql in rows:
        result[str(name)] = str(kind) if not _is_virtual(sql) else "virtual"
        if kind == "view" and _may_compute(str(sql)):
            result[str(name)] = "computed"
    return result


def require_tables(found: dict[str, str], *names: str, views: bool = False) -> None:
    """Raises Rejected where one of `names` is no table (or, with `views`, no plain view)."""
    for name in names:
        kind = found.get(name.lower())
        if kind not in (("table", "view") if views else ("table",)):
            raise Rejected(
                f"The table {name[:60]} of the file is not an ordinary table.",
                code="corrupt",
                hint="Write it anew, for example with `gdal_translate -of COG input output.tif`.",
            )


def _check_pages(path: Path) -> None:
    """Page size and count of the header, SQLite file format 1.3."""
    with header_of(path) as reader:
        page_bytes = reader.number(">H", 16)
        page_bytes = 65536 if page_bytes == 1 else page_bytes
        if page_bytes < 512 or page_bytes & (page_bytes - 1):
            raise corrupt("The header of the SQLite file is damaged.")
        changes, pages = reader.unpack(">II", 24)
        # Old libraries leave the count alone; it is valid only beside an equal counter (1.3.7).
        if pages and changes == reader.number(">I", 92) and pages * page_bytes > reader.size:
            raise truncated(reader.size, pages * page_bytes)


def _is_virtual(sql: object) -> bool:
    return isinstance(sql, str) and bool(re.match(r"\s*create\s+virtual", sql, re.IGNORECASE))


def _may_compute(sql: str) -> bool:
    """A view with function calls runs them in whoever reads it: GDAL has some that open files."""
    body = re.split(r"\bas\b", sql, maxsplit=1, flags=re.IGNORECASE)[-1]
    if re.search(r"\b(recursive|with)\b", body, re.IGNORECASE):
        return True
    calls = re.findall(r"(\w+)[\"'`\]]?\s*\(", body)
    return any(call.lower() not in _PLAIN_CALLS for call in calls)

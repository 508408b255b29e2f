"""Whatever writes what policy reads makes all that was remembered of it worthless."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from config.supervision.waiting import wait_for
from repository import collections, editing, generation, registration
from repository.migrations import __path__ as migrations_path
from repository.models import Collection, Job, Product
from repository.models.product import ProductState
from repository.principal import ALL_SCOPES, Principal
from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from tests.tiler.ogc.conftest import Catalogue, catalogue

pytestmark = pytest.mark.services
__all__ = ["catalogue"]  # a fixture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def listening(transactional_db: None) -> Iterator[None]:
    end = generation.listen()
    wait_for(lambda: generation.current() is not None, 10, "The listener does not listen")
    yield
    end()


def word() -> bytes:
    path = Path(settings.DATA_DIR) / "run" / "generation"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.read_bytes() if path.exists() else b""


def _owner(catalogue: Catalogue) -> Principal:
    return Principal(catalogue.owner.pk, "owner", False, ALL_SCOPES)


def _publish(c: Catalogue, product: Product) -> None:
    Product.objects.filter(pk=product.pk).update(state=ProductState.RESERVED)
    footprint = json.loads(product.footprint.json)
    info = replace(RasterInfo.from_json(product.raster), footprint_wgs84=footprint)
    style = RenderingStyle(kind="ramp", bands=(1,))
    with transaction.atomic():
        registration.publish(product.pk, info, style, [], request={})


def _reserve(c: Catalogue, product: Product) -> None:
    registration.reserve(
        product.collection, "new", owner_id=c.owner.pk, exact=True, product_uuid=uuid.uuid4()
    )


def _save(row: Any) -> None:
    row.title = "As the admin does"
    row.save()


WRITERS: dict[str, Callable[[Catalogue, Product], Any]] = {
    "reserve": _reserve,
    "publish": _publish,
    "amend": lambda c, p: editing.change(_owner(c), p, {"visibility": "private"}),
    "remove": lambda c, p: editing.remove(_owner(c), p),
    "make a collection": lambda c, p: collections.create(_owner(c), "another"),
    "change a collection": lambda c, p: collections.change(
        _owner(c), p.collection, {"visibility": "private"}
    ),
    "save a collection": lambda c, p: _save(p.collection),
    "save a product": lambda c, p: _save(p),
    "delete": lambda c, p: p.delete(),
    "many at once": lambda c, p: Product.objects.bulk_update([p], ["title"]),
    "SQL through Django": lambda c, p: connection.cursor().execute(
        'update "rastrum_product" set title = title'
    ),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_each_writer_raises_the_generation_before_it_returns(
    catalogue: Catalogue, write: Callable[[Catalogue, Product], Any]
) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe")
    before = word()
    write(catalogue, product)
    assert word() != before


def test_a_reserved_row_that_is_deleted_raises_it_as_well(catalogue: Catalogue) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe", state="reserved")
    before = word()
    registration.forget_reserved(Product.objects.filter(pk=product.pk))
    assert word() != before


def test_it_is_raised_by_the_commit_and_not_before(catalogue: Catalogue) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe")
    before = word()
    with transaction.atomic():
        registration.amend(product, {"title": "Other"})
        assert word() == before
    assert word() != before


def test_what_is_rolled_back_raises_nothing(catalogue: Catalogue) -> None:
    product = catalogue.product(catalogue.collection("rivers"), "elbe")
    before = word()
    with transaction.atomic():
        registration.amend(product, {"title": "Other"})
        transaction.set_rollback(True)
    assert word() == before


def test_reading_and_other_tables_raise_nothing(catalogue: Catalogue) -> None:
    catalogue.product(catalogue.collection("rivers"), "elbe")
    before = word()
    list(Collection.objects.all())
    with transaction.atomic():
        list(Product.objects.select_for_update())
    Job.objects.filter(pk=uuid.uuid4()).update(step="x")
    assert word() == before


def test_a_writer_that_says_nothing_is_heard_by_the_databases_message(listening: None) -> None:
    """SQL by hand, another host, or a process that was killed between its commit and its word."""
    before = generation.current()
    with psycopg.connect(**generation._connect_parameters(), autocommit=True) as other:
        other.execute("update rastrum_product set title = title")
    wait_for(lambda: generation.current() not in (before, None), 2, "Nothing was heard")


def test_without_a_listener_nothing_is_remembered() -> None:
    assert generation.current() is None


def test_a_lost_connection_ends_remembering_and_is_made_again(listening: None) -> None:
    before = generation.current()
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where query ilike 'listen %%' or (query = 'select 1' and pid <> pg_backend_pid())"
        )
    wait_for(lambda: generation.current() is None, 5, "The loss was not noticed")
    wait_for(lambda: generation.current() not in (before, None), 5, "It does not listen again")


def test_a_pooler_that_swallows_messages_is_noticed(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that gives each transaction another connection: LISTEN is lost."""
    with psycopg.connect(**generation._connect_parameters(), autocommit=True) as line:
        execute = line.execute
        monkeypatch.setattr(
            line, "execute",
            lambda sql, *more: execute("select 1" if sql.startswith("listen") else sql, *more),
        )  # fmt: skip
        with pytest.raises(OSError, match="do not come through"):
            generation._listen_on(line)


def test_a_word_never_comes_back(listening: None) -> None:
    seen = set()
    for _ in range(500):
        generation.raise_generation()
        seen.add(word())
    assert len(seen) == 500


def test_another_file_in_its_place_is_noticed(listening: None) -> None:
    path = Path(settings.DATA_DIR) / "run" / "generation"
    before = generation.current()
    path.unlink()
    wait_for(lambda: generation.current() not in (before, None), 3, "It reads the old file")
    now = generation.current()
    generation.raise_generation()
    assert generation.current() != now


def test_the_database_has_a_trigger_for_each_watched_table(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select tgrelid::regclass::text from pg_trigger where tgname = 'tell_generation'"
        )
        assert {row[0] for row in cursor.fetchall()} == set(generation.WATCHED)


def test_no_sql_of_ours_writes_a_watched_table_past_django() -> None:
    """Django quotes table names, and so `generation` knows its statements."""
    tables = "|".join(generation.WATCHED)
    bare = re.compile(rf"(insert into|update|delete from) ({tables})\b", re.IGNORECASE)
    for room in ("repository", "tasks", "tiler", "config"):
        for path in (ROOT / room).rglob("*.py"):
            if not path.is_relative_to(migrations_path[0]):
                assert not bare.search(path.read_text()), path

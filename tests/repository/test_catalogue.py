from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from repository import catalogue
from repository.catalogue import ProductQuery, parse_bbox, search
from repository.errors import BadRequest
from repository.models import Product
from repository.principal import ANONYMOUS
from tests.repository.conftest import MakeProduct, Role


def slugs(**query: object) -> list[str]:
    return [row.slug for row in search(ANONYMOUS, ProductQuery(**query)).items]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "a,b,c,d",
        "nan,0,1,1",
        "0,0,inf,1",
        "0,5,1,4",
        "0,-91,1,0",
        "0,0,1,91",
        "-361,0,0,1",
        "1e400,0,1,1",
        "0;0;1;1",
        "\0",
    ],
)
def test_a_bbox_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_bbox(text)
    assert refused.value.code == "invalid_bbox"


def test_the_heights_of_a_box_are_ignored() -> None:
    assert parse_bbox("1,2,-100,3,4,9000") == (1, 2, 3, 4)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bbox", "found"),
    [
        ((9, 44, 10.5, 47), True),
        ((10.2, 45.2, 10.3, 45.3), True),
        ((10.5, 45.5, 10.5, 45.5), True),
        ((12, 44, 13, 47), False),
        ((-180, -90, 180, 90), True),
        ((-360, -90, 360, 90), True),
        ((11.5, 45, 9.5, 46), False),
        ((170, 45, 10.5, 46), True),
        ((10.5, 40, 10.5, 50), True),
    ],
)
def test_a_bbox_finds_what_it_touches(
    make_product: MakeProduct, bbox: tuple[float, float, float, float], found: bool
) -> None:
    make_product(bounds=(10, 45, 11, 46))
    assert bool(slugs(bbox_wgs84=bbox)) == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bbox", "found"),
    [
        ((178, -20, -178, -10), True),
        ((179.2, -20, 179.9, -10), True),
        ((-179.9, -20, -179.2, -10), True),
        ((170, -20, 190, -10), True),
        ((-190, -20, -170, -10), True),
        ((181, -20, 185, -10), False),
        ((-10, -20, 10, -10), False),
    ],
)
def test_a_product_across_the_antimeridian_is_found_on_both_sides(
    make_product: MakeProduct, bbox: tuple[float, float, float, float], found: bool
) -> None:
    make_product(bounds=(179, -20, -179, -10))
    found_now = bool(slugs(bbox_wgs84=bbox))
    # 181 is -179: the product's own edge.
    assert found_now == (found or bbox[0] == 181)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (datetime(2024, 8, 24, tzinfo=UTC), None, True),
        (datetime(2024, 8, 25, tzinfo=UTC), None, False),
        (None, datetime(2024, 8, 24, 9, tzinfo=UTC), False),
        (None, datetime(2024, 8, 24, 10, tzinfo=UTC), True),
        (datetime(2024, 8, 24, 10, tzinfo=UTC), datetime(2024, 8, 24, 10, tzinfo=UTC), True),
    ],
)
def test_a_time_range_finds_what_overlaps_it(
    make_product: MakeProduct, start: datetime, end: datetime, found: bool
) -> None:
    make_product(datetime="2024-08-24T10:00:00Z")
    assert bool(slugs(start=start, end=end)) == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alps", True),
        ("ALPS dem", True),
        ("alps desert", False),
        ("snow", True),
        ("100%", False),
        ("_", False),
        ("", True),
        ("high", True),
    ],
)
def test_all_words_must_occur(make_product: MakeProduct, text: str, found: bool) -> None:
    make_product(title="Alps", description="Very high", keywords=["snow", "ice cap"])
    assert bool(slugs(text=text)) == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("sensor", "S2A", True),
        ("sensor", "S2B", False),
        ("cloud", "12", True),
        ("cloud", "12.0", True),
        ("cloud", "13", False),
        ("code", "0042", True),
        ("good", "true", True),
        ("good", "True", False),
        ("absent", "null", False),
        ("cloud", "NaN", False),
        ("cloud", "1e999", False),
        ("cloud", "9" * 5000, False),
        ("cloud", "[" * 50_000, False),
        ("cloud", '{"a": 1}', False),
        ("title", "Dem", True),
        ("visibility", "public", True),
        ("owner__username", "owner", False),
        ("collection__owner__password", "x", False),
    ],
)
def test_a_property_is_compared_for_equality(
    make_product: MakeProduct, name: str, value: str, found: bool
) -> None:
    make_product(properties={"sensor": "S2A", "cloud": 12, "code": "0042", "good": True})
    assert bool(slugs(properties={name: value})) == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("id", "abc"),
        ("+id", "abc"),
        (" id", "abc"),
        ("-id", "cba"),
        ("datetime", "bca"),
        ("-datetime", "acb"),
        ("title", "cab"),
        ("-created", "cba"),
        ("published", "abc"),
    ],
)
def test_lists_are_sorted_as_asked(make_product: MakeProduct, sort: str, order: str) -> None:
    from datetime import timedelta

    from django.db.models.functions import Now

    from repository.models import Product

    for number, (slug, title, time) in enumerate(
        [("a", "m", "2023"), ("b", "z", "2021"), ("c", "b", "2022")]
    ):
        row = make_product(slug, title=title, datetime=f"{time}-01-01T00:00:00Z")
        moment = Now() + timedelta(seconds=number)
        Product.objects.filter(pk=row.pk).update(created=moment, published=moment)
    assert "".join(slugs(sort=sort)) == order


@pytest.mark.parametrize("sort", ["owner", "owner__password", "-", "", "start", "\0"])
def test_an_unknown_sorting_is_refused(sort: str) -> None:
    with pytest.raises(BadRequest) as refused:
        catalogue._order(sort)
    assert refused.value.code == "invalid_sort"


@pytest.mark.django_db
@pytest.mark.parametrize("sort", ["-datetime", "datetime", "title", "-id", "published"])
def test_pages_hold_each_product_once_where_many_are_equal(
    make_product: MakeProduct, sort: str
) -> None:
    expected = {make_product(f"p{n}", title="same").slug for n in range(7)}
    found: list[str] = []
    cursor = ""
    while True:
        page = search(ANONYMOUS, ProductQuery(sort=sort, limit=3, cursor=cursor))
        found += [row.slug for row in page.items]
        cursor = page.next
        if not cursor:
            break
    assert len(found) == 7
    assert set(found) == expected


@pytest.mark.django_db
def test_paging_is_stable_while_products_come_and_go(make_product: MakeProduct) -> None:
    rows = [make_product(f"p{n}", datetime=f"2024-01-0{n}T00:00:00Z") for n in range(1, 7)]
    first = search(ANONYMOUS, ProductQuery(limit=2))
    make_product("newer", datetime="2025-01-01T00:00:00Z")
    from repository import registration

    registration.remove(rows[4])  # the last one of the first page: the cursor must outlive it
    second = search(ANONYMOUS, ProductQuery(limit=2, cursor=first.next))
    assert [row.slug for row in first.items] == ["p6", "p5"]
    assert [row.slug for row in second.items] == ["p4", "p3"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "\0",
        "W10",
        "MQ",
        "WzEsMiwzXQ",
        "bnVsbA",
        "eyJhIjoxfQ",
        "WyItZGF0ZXRpbWUiLG51bGwsbnVsbF0",
        "W1tbW1tbW1tb" * 5000,
    ],
)
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest) as refused:
        search(ANONYMOUS, ProductQuery(cursor=cursor))
    assert refused.value.code == "invalid_cursor"


@pytest.mark.django_db
def test_a_cursor_of_another_sorting_is_refused(make_product: MakeProduct) -> None:
    make_product("a")
    make_product("b")
    cursor = search(ANONYMOUS, ProductQuery(limit=1)).next
    with pytest.raises(BadRequest):
        search(ANONYMOUS, ProductQuery(limit=1, cursor=cursor, sort="title"))


@pytest.mark.django_db
def test_the_count_is_of_all_pages(make_product: MakeProduct) -> None:
    for n in range(3):
        make_product(f"p{n}")
    assert catalogue.count(ANONYMOUS, ProductQuery(limit=1)) == 3


@pytest.mark.django_db
def test_a_list_takes_the_same_queries_for_many_as_for_one(
    make_product: MakeProduct, owner: Role
) -> None:
    from repository.api.presenting import product_summary
    from repository.links import Links

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            for row in search(owner.principal, ProductQuery()).items:
                product_summary(row, Links("http://x"))
        return len(captured)

    make_product("one")
    before = queries()
    for n in range(5):
        make_product(f"p{n}")
    assert queries() == before


@pytest.mark.django_db
def test_files_of_superseded_versions_are_not_loaded(make_product: MakeProduct) -> None:
    product = make_product()
    Product.objects.filter(pk=product.pk).update(version=3)
    files = list(product.assets.all())
    for version in (2, 3):
        for file in files:
            file.pk, file.version = None, version
            file.save()
    product.refresh_from_db()
    with CaptureQueriesContext(connection) as queries:
        assert {file.version for file in catalogue.assets_of(product)} == {3}
    assert '"rastrum_asset"."version" = 3' in queries.captured_queries[0]["sql"]
    assert len(queries) == 1

"""The search form's query string."""

from datetime import UTC, datetime

from django.http import QueryDict

from repository.portal.search_request import read_search


def test_every_field_reaches_the_catalogue() -> None:
    query = read_search(
        QueryDict("q=snow alps&from=2024-01-01&to=2024-01-31&bbox=5,45,11,48&sort=title")
    ).query()
    assert query.text == "snow alps"
    assert query.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert query.end is not None
    assert query.end.date().isoformat() == "2024-01-31"
    assert query.end.hour == 23
    assert query.bbox_wgs84 == (5, 45, 11, 48)
    assert query.sort == "title"


def test_what_cannot_be_understood_is_named_and_filters_nothing() -> None:
    wanted = read_search(QueryDict("from=yesterday&bbox=1,2&sort=; drop table"))
    assert set(wanted.problems) == {"start", "bbox"}
    assert wanted.query().start is None
    assert wanted.query().bbox_wgs84 is None
    assert wanted.query().sort == "-published"

"""The servers that the other tests rely on."""

import pytest
from django.conf import settings


@pytest.mark.django_db
def test_the_test_database_has_postgis() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select postgis_lib_version()")
        assert cursor.fetchone()[0] >= "3"


@pytest.mark.services
def test_the_cache_keeps_a_value() -> None:
    from django.core.cache import cache

    cache.set("greeting", "hello", 5)
    assert cache.get("greeting") == "hello"
    assert "/tmp/rastrum-" in settings.CACHE_URL


def test_the_object_store_returns_what_was_put(object_store) -> None:
    object_store.make_bucket("greetings")
    client = object_store.client()
    client.put_object(Bucket="greetings", Key="a", Body=b"hello")
    assert client.get_object(Bucket="greetings", Key="a")["Body"].read() == b"hello"

from __future__ import annotations

from django.test import Client


def test_the_root_of_the_api_says_where_everything_is() -> None:
    answer = Client().get("/api/")
    assert answer.status_code == 200
    assert answer.json()["products"] == "http://testserver/api/products"
    assert answer.json()["openapi"] == "http://testserver/api/openapi.json"

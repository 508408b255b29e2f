"""A transaction that sleeps is ended by the database, so that its rows are free again."""

from __future__ import annotations

import threading
import time

import pytest
from django.conf import LazySettings
from django.db import InterfaceError, OperationalError, connection

from repository.models import Collection
from repository.transactions import commit

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def hold(pk: str, taken: threading.Event, release: threading.Event, errors: list[str]) -> None:
    try:
        with commit("test.hold"):
            Collection.objects.select_for_update().get(pk=pk)
            taken.set()
            release.wait(30)
            Collection.objects.filter(pk=pk).update(title="late")
    except (OperationalError, InterfaceError) as error:
        errors.append(str(error))
    finally:
        connection.close()


def test_rows_of_a_sleeping_process_are_free_after_a_lease(
    collection: Collection, settings: LazySettings
) -> None:
    settings.LEASE_SECONDS = 1
    taken, release, errors = threading.Event(), threading.Event(), []
    sleeper = threading.Thread(target=hold, args=[collection.pk, taken, release, errors])
    sleeper.start()
    assert taken.wait(10)
    began = time.monotonic()
    settings.LEASE_SECONDS = 20
    with commit("test.other"):
        Collection.objects.filter(pk=collection.pk).update(title="in time")
    assert time.monotonic() - began < 10
    release.set()
    sleeper.join(30)
    assert errors
    collection.refresh_from_db()
    assert collection.title == "in time"


def test_nobody_waits_for_a_lock_for_ever(collection: Collection, settings: LazySettings) -> None:
    taken, release, errors = threading.Event(), threading.Event(), []
    settings.LEASE_SECONDS = 30
    holder = threading.Thread(target=hold, args=[collection.pk, taken, release, errors])
    holder.start()
    assert taken.wait(10)
    settings.LEASE_SECONDS = 1
    with pytest.raises(OperationalError), commit("test.other"):
        Collection.objects.filter(pk=collection.pk).update(title="never")
    release.set()
    holder.join(30)
    assert not errors

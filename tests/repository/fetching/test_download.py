from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repository.fetching.dialling import Interrupted
from repository.fetching.download import Limits, Part, download


class Announcing:
    """A source that sends ten bytes, whatever size it announces."""

    def __init__(self, size: int | None) -> None:
        self.size = size

    @contextmanager
    def open(self, start: int, validator: str) -> Iterator[Part]:
        yield Part(0, self.size, "", "dem.tif", iter([b"01234", b"56789"]))


@pytest.mark.parametrize("size", [9, 11])
def test_another_number_of_bytes_than_announced_is_no_file(size: int, tmp_path: Path) -> None:
    limits = Limits(1000, tries=2, wait_seconds=0)
    with pytest.raises(Interrupted):
        download(Announcing(size), tmp_path / "file", limits, lambda received, size: None)


@pytest.mark.parametrize("size", [10, None])
def test_a_file_whose_bytes_are_as_announced_is_taken(size: int | None, tmp_path: Path) -> None:
    limits = Limits(10, tries=1)
    got = download(Announcing(size), tmp_path / "file", limits, lambda received, size: None)
    assert (got.size, got.path.read_bytes()) == (10, b"0123456789")

"""A lock that one process of the machine holds at a time."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tasks.alone import alone


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    lock, order = tmp_path / "run" / "lock", []

    def second() -> None:
        with alone(lock):
            order.append("second")

    with alone(lock):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        order.append("first")
    waiting.join(5)
    assert order == ["first", "second"]

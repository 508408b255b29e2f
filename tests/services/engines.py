"""A private PostGIS and Redis for one test session, in the place that the settings expect."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config.supervision.child import Child
from config.supervision.console import Console
from config.supervision.postgres import PostgresCluster
from config.supervision.redis import RedisServer


class Silent(Console):
    """Keeps the log files and leaves the terminal to pytest."""

    def _print(self, text: str) -> None:
        pass


@contextmanager
def engines(data_dir: Path, *, durable: bool = False) -> Iterator[None]:
    """PostgreSQL and Redis of this data folder, as the supervisor runs them."""
    run_dir = data_dir / "run"
    run_dir.mkdir(parents=True, exist_ok=True)
    console = Silent(data_dir / "log")
    cluster, redis = PostgresCluster(data_dir, durable=durable), RedisServer(data_dir)
    with ExitStack() as stack:
        for server, name, number in (
            (cluster, "postgres", signal.SIGINT),
            (redis, "redis", signal.SIGTERM),
        ):
            server.prepare()
            child = Child(
                name, server.command(), console=console, run_dir=run_dir, stop_signal=number
            )
            child.start()
            stack.callback(child.stop, 10)
        cluster.wait_until_ready()
        redis.wait_until_ready()
        yield

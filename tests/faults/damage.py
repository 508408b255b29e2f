"""Faults that come at no particular place: processes killed, a queue flushed, connections cut."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import redis

from config.embedded import redis_socket
from tests.faults.processes import command_of, descendants, send

if TYPE_CHECKING:
    from tests.faults.world import World


def kill_web(world: World, chance: random.Random) -> None:
    """The web server with all its processes."""
    _kill_group(world, "web")


def kill_web_children(world: World, chance: random.Random) -> None:
    """Every process that serves, but not the one that watches them."""
    send(descendants(world.product.pid("web")))


def kill_one_web_child(world: World, chance: random.Random) -> None:
    """One process that serves; the other goes on."""
    send([chance.choice(sorted(descendants(world.product.pid("web"))))])


def kill_worker(world: World, chance: random.Random) -> None:
    """The worker with its pool and their pixel processes."""
    _kill_group(world, "worker")


def kill_pool_process(world: World, chance: random.Random) -> None:
    """One process that works on a job."""
    send([chance.choice(sorted(descendants(world.product.pid("worker"))))])


def kill_pixel_process(world: World, chance: random.Random) -> None:
    """Where there is one: the child that reads a file."""
    family = descendants(world.product.pid("worker"))
    send(pid for pid in family if "tasks.pixel_" in command_of(pid))


def kill_scheduler(world: World, chance: random.Random) -> None:
    """The housekeeping."""
    _kill_group(world, "scheduler")


def kill_redis(world: World, chance: random.Random) -> None:
    """The broker and cache."""
    _kill_group(world, "redis")


def flush_redis(world: World, chance: random.Random) -> None:
    """Every message and everything cached is gone."""
    path = redis_socket(world.product.data_dir)
    redis.Redis(unix_socket_path=str(path), socket_timeout=5).flushall()


def kill_postgres(world: World, chance: random.Random) -> None:
    """The database; it comes back by crash recovery."""
    _kill_group(world, "postgres")


def kill_postgres_backend(world: World, chance: random.Random) -> None:
    """One connection's process, upon which PostgreSQL ends all and recovers."""
    backends = sorted(descendants(world.product.pid("postgres")))
    send([chance.choice(backends)])


def kill_store_gateway(world: World, chance: random.Random) -> None:
    """The gateway of the object store."""
    _kill_store(world, "radosgw")


def kill_store_disk(world: World, chance: random.Random) -> None:
    """The daemon that keeps the objects."""
    _kill_store(world, "ceph-osd")


def kill_store_monitor(world: World, chance: random.Random) -> None:
    """The daemon that knows where objects are."""
    _kill_store(world, "ceph-mon")


Damage = Callable[["World", random.Random], None]
EVERYWHERE: tuple[Damage, ...] = (
    kill_web, kill_web_children, kill_one_web_child, kill_worker, kill_pool_process,
    kill_pixel_process, kill_scheduler, kill_redis, flush_redis, kill_postgres,
    kill_postgres_backend,
)  # fmt: skip
OF_THE_STORE: tuple[Damage, ...] = (kill_store_gateway, kill_store_disk, kill_store_monitor)


def _kill_group(world: World, name: str) -> None:
    pid = world.product.pid(name)
    send({pid, *descendants(pid)})


def _kill_store(world: World, program: str) -> None:
    assert world.store is not None
    send([world.store.pid(program)], signal.SIGKILL)

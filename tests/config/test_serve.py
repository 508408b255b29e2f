"""The whole server under misfortune: killed, started twice, started on a taken port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import run_folder
from config.supervision.waiting import wait_for
from tests.services.product import PROCESSES, ROOT, Product, running_product, start_product

pytestmark = [pytest.mark.services, pytest.mark.faults]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rastrum-serve-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(run_folder(path), ignore_errors=True)


@pytest.fixture(scope="module")
def product(folder: Path) -> Iterator[Product]:
    with running_product(folder) as running:
        yield running


def descendants(data_dir: Path) -> list[str]:
    """Command lines of every process that works for this data folder."""
    found = []
    needles = (str(data_dir).encode(), str(run_folder(data_dir)).encode())
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
        except OSError:
            continue
        if any(needle in text for needle in needles):
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def nothing_left(data_dir: Path) -> None:
    wait_for(lambda: not descendants(data_dir), 15, "processes are left")


def serve_again(product: Product, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT, env=product.env | settings, text=True, capture_output=True, timeout=60,
    )  # fmt: skip


def test_it_says_where_to_look_and_how_to_log_in(product: Product) -> None:
    said = product.said()
    assert f"Portal   {product.url}/" in said
    assert "as `admin`" in said
    assert f"{product.data_dir}/log/" in said
    assert product.get("/livez") == 200


def test_a_second_start_on_the_same_data_folder_is_refused(product: Product) -> None:
    second = serve_again(product)
    assert second.returncode == 1
    assert f"A server already runs on this data folder, {product.data_dir}" in second.stderr
    assert f"(process {product.process.pid})" in second.stderr
    assert product.get("/livez") == 200


def test_a_taken_port_says_so(product: Product, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        second = serve_again(product, DATA_DIR=str(tmp_path), PORT=port)
    assert second.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in second.stderr


def test_a_command_finds_the_running_database(product: Product) -> None:
    script = "from django.contrib.auth import get_user_model as u; print(u().objects.count())"
    shown = product.manage("shell", "--verbosity=0", "-c", script)
    assert int(shown.stdout.split()[-1]) >= 1


@pytest.mark.parametrize("name", PROCESSES)
def test_a_dead_child_is_started_again(product: Product, name: str) -> None:
    before = product.pid(name)
    os.kill(before, signal.SIGKILL)
    path = product.data_dir / "run" / f"{name}.pid"
    wait_for(lambda: path.exists() and product.pid(name) != before, 30, f"no new {name}")
    wait_for(lambda: product.get("/readyz") == 200, 30, "not ready again")


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_works(product: Product) -> None:
    product.process.kill()
    product.process.wait()
    nothing_left(product.data_dir)
    with running_product(product.data_dir) as again:
        assert again.get("/livez") == 200


def test_the_next_start_does_not_wait_to_be_asked_twice(product: Product, folder: Path) -> None:
    """Started in the same moment as the last supervisor is killed."""
    first = start_product(folder)
    first.wait_until_ready()
    first.process.kill()
    first.process.wait()
    with running_product(folder) as again:
        assert again.get("/livez") == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_nothing_behind(
    folder: Path, product: Product, number: signal.Signals
) -> None:
    again = start_product(folder)
    again.wait_until_ready()
    assert again.stop(number) == 0
    assert descendants(folder) == []
    assert not list((folder / "run").glob("*.pid"))
    assert "system is shut down" in (folder / "log" / "postgres.log").read_text()

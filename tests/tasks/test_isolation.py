"""What each layer refuses by itself, tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tasks.formats.table import FORMATS
from tasks.isolation import LAYERS
from tasks.isolation.drivers import USED
from tasks.isolation.seccomp import ALLOW, EQUAL, RETURN, program
from tasks.isolation.system_calls import MACHINES, REFUSED

ROOT = Path(__file__).resolve().parents[2]
START = """
import ctypes, os, resource, socket, sys, threading
from pathlib import Path
from tasks.isolation import isolate
from tasks.isolation.limits import Limits
import subprocess, tempfile, shutil
layers = isolate(Path.cwd(), Limits({limits}), {layers})
def refused(act):
    try:
        act()
    except OSError:
        return True
    return False
"""


def tell(folder: Path, body: str, *, layers: tuple[str, ...] = LAYERS, limits: str = "") -> str:
    """What the body prints in a process that has shut itself into `folder`."""
    code = START.format(layers=layers, limits=limits) + dedent(body)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_every_layer_is_in_force_here(tmp_path: Path) -> None:
    assert tell(tmp_path, "print(set(layers.values()))") == "{'in force'}"


def test_the_own_folder_can_be_used_in_every_way_that_a_step_needs(tmp_path: Path) -> None:
    body = """
        Path("a/b").mkdir(parents=True)
        Path("a/x").write_bytes(b"x" * 100)
        os.rename("a/x", "a/b/x")
        with open("a/b/x", "r+b") as file:
            file.truncate(10)
        with tempfile.TemporaryFile(dir=".") as file:
            file.write(b"y")
        shutil.copyfile("a/b/x", "c")
        assert sorted(os.listdir(".")) == ["a", "c"]
        shutil.rmtree("a")
        print(Path("c").stat().st_size)
    """
    assert tell(tmp_path, body) == "10"


@pytest.mark.parametrize(
    "act",
    [
        "Path('../outside').read_bytes()",
        "os.listdir('..')",
        "Path('../new').touch()",
        "Path('../outside').unlink()",
        "os.rename('../outside', 'inside')",
        "os.link('../outside', 'inside')",
        "os.symlink('../outside', 'inside')",
        "os.truncate('../outside', 0)",
        "Path('/etc/passwd').read_bytes()",
        "Path(f'/proc/{os.getppid()}/environ').read_bytes()",
        "Path('/proc/self/root/etc/passwd').read_bytes()",
        "os.mkfifo('pipe')",
        "os.mknod('device', 0o600 | 0o020000, os.makedev(1, 3))",
    ],
)
def test_other_files_are_out_of_reach(tmp_path: Path, act: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "outside").write_text("secret")
    assert tell(tmp_path / "job", f"print(refused(lambda: {act}))") == "True"
    assert (tmp_path / "outside").read_text() == "secret"


@pytest.mark.parametrize(
    "act",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 0)",
        "os.kill(0, 0)",
        "os.chmod('.', 0o777)",
        "os.chown('.', 1, 1)",
        "os.chroot('.')",
        "os.setxattr('.', 'user.x', b'')",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
        "os.pidfd_open(os.getppid())",
    ],
)
def test_system_calls_are_refused_by_the_filter_alone(tmp_path: Path, act: str) -> None:
    assert tell(tmp_path, f"print(refused(lambda: {act}))", layers=("seccomp",)) == "True"


@pytest.mark.parametrize("name", ["ptrace", "mount", "bpf", "keyctl", "kexec_load",
                                  "io_uring_setup", "unshare", "setns"])  # fmt: skip
def test_the_kernels_own_calls_are_refused(tmp_path: Path, name: str) -> None:
    numbers = {machine: REFUSED[name][column] for column, machine in enumerate(MACHINES)}
    body = f"""
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.syscall({numbers}[os.uname().machine], 0, 0, 0, 0), ctypes.get_errno())
    """
    assert tell(tmp_path, body, layers=("seccomp",)) == "-1 1"


def test_a_signal_to_itself_and_threads_still_work(tmp_path: Path) -> None:
    body = """
        os.kill(os.getpid(), 0)
        thread = threading.Thread(target=lambda: print("runs"))
        thread.start()
        thread.join()
    """
    assert tell(tmp_path, body) == "runs"


def test_no_capability_is_left(tmp_path: Path) -> None:
    body = """
        status = Path("/proc/self/status").read_text()
        print(status.split("CapEff:")[1].split()[0], status.split("NoNewPrivs:")[1].split()[0])
    """
    assert tell(tmp_path, body) == "0000000000000000 1"


def test_the_network_has_no_interface_but_a_dead_loopback(tmp_path: Path) -> None:
    body = """
        print([name for _, name in socket.if_nameindex()])
        print(refused(lambda: socket.create_connection(("127.0.0.1", 9), 1)))
    """
    assert tell(tmp_path, body, layers=("namespace",)) == "['lo']\nTrue"


def test_limits_are_those_that_were_given(tmp_path: Path) -> None:
    body = """
        for kind in ("AS", "CPU", "FSIZE", "NOFILE", "CORE"):
            print(resource.getrlimit(getattr(resource, "RLIMIT_" + kind)))
        print(Path("/proc/self/oom_score_adj").read_text().strip())
    """
    limits = "memory_bytes=2**33, cpu_seconds=77, file_bytes=1000, open_files=99"
    told = tell(tmp_path, body, limits=limits).split("\n")
    assert told == [f"({n}, {n})" for n in (2**33, 77, 1000, 99, 0)] + ["1000"]


def test_a_file_does_not_outgrow_its_limit(tmp_path: Path) -> None:
    body = "print(refused(lambda: Path('big').write_bytes(bytes(2000))))"
    assert tell(tmp_path, body, limits="file_bytes=1000") == "True"


def test_a_process_whose_parent_is_gone_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        tell(tmp_path, "print('started')", limits="parent=1")


def test_gdal_keeps_the_named_drivers_alone(tmp_path: Path) -> None:
    body = """
        from tasks.isolation.drivers import keep_drivers
        keep_drivers()
        left = keep_drivers()
        assert {"VRT", "WMS"} <= set(os.environ["GDAL_SKIP"].split(","))
        import rasterio
        with rasterio.Env() as environment:
            assert set(environment.drivers()) == left
        print(sorted(left))
    """
    assert tell(tmp_path, body) == str(sorted(USED))


@pytest.mark.parametrize("driver", ["VRT", "WMS", "WMTS", "WCS", "GTI", "STACIT", "MRF", "HTTP",
                                    "PDS", "ERS", "DERIVED"])  # fmt: skip
def test_no_driver_is_named_that_opens_other_files(driver: str) -> None:
    assert driver not in USED


def test_every_format_that_is_taken_has_its_driver_in_the_sandbox() -> None:
    assert {form.driver for form in FORMATS} | {"HDF5Image"} <= USED


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_is_sound_for_every_machine(machine: str) -> None:
    """Every jump lands inside, and the program ends in an answer (the kernel asks for both)."""
    steps = program(machine, pid=1234)
    assert len(steps) < 4096
    assert steps[-1] == (RETURN, 0, 0, ALLOW)
    for place, (operation, when_true, when_false, _) in enumerate(steps):
        if operation == EQUAL:
            assert place + 1 + max(when_true, when_false) < len(steps)

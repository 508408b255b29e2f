"""A real S3 endpoint on loopback: one Ceph monitor, one OSD, and the RADOS gateway.

The OSD keeps its objects in memory, or durably (BlueStore in a file) where daemons are killed.

Everything lies in one folder and is forgotten at the end. The packages are Debian's ceph-mon,
ceph-osd, radosgw and ceph-common; nothing of them is started by the system.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.supervision.child import Child
from config.supervision.waiting import wait_for
from tests.services.engines import Silent
from tests.services.product import LOCAL, free_port

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "ceph", "radosgw-admin", "monmaptool")
ACCESS_KEY = "testaccesskey000001"
SECRET_KEY = "testsecretkey0000000000000000000000000001"
MEMORY_BYTES = 4 * 2**30
DURABLE_BYTES = 8 * 2**30
"""Of a sparse file: what is not written takes no room."""

CONFIGURATION = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
public_network = 127.0.0.0/8
ms_bind_ipv6 = false
ms_bind_msgr1 = false
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
client_mount_timeout = 30
keyring = {folder}/keyring
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
log_file = {folder}/log/$name.log
log_to_stderr = false
err_to_stderr = false
mon_cluster_log_file = {folder}/log/cluster.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 2000
osd_max_object_name_len = 1024
osd_max_object_namespace_len = 256
[mon]
mon_data = {folder}/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 2
[osd]
osd_data = {folder}/osd
osd_objectstore = {backend}
memstore_device_bytes = {memory}
bluestore_block_size = {durable_bytes}
bluestore_block_create = true
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
[client]
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_dns_name = 127.0.0.1
rgw_enable_usage_log = false
rgw_relaxed_s3_bucket_names = true
rgw_s3_auth_order = local
rgw_crypt_require_ssl = false
rgw_data = {folder}/rgw
"""


@dataclass(frozen=True)
class ObjectStore:
    """An S3 endpoint with one user."""

    endpoint: str
    folder: Path
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    def pid(self, program: str) -> int:
        """Process id of `ceph-mon`, `ceph-osd` or `radosgw`, which are started again when they
        die. Raises FileNotFoundError while there is none."""
        return int((self.folder / "run" / f"{program}.pid").read_text())

    def storage_url(self, bucket: str) -> str:
        """STORAGE_URL for a bucket, which must exist (`make_bucket`)."""
        return f"s3://{self.access_key}:{self.secret_key}@{bucket}?endpoint={self.endpoint}"

    def client(self) -> object:
        """A boto3 S3 client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its STORAGE_URL."""
        self.client().create_bucket(Bucket=name)  # type: ignore[attr-defined]
        return self.storage_url(name)


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def object_store(folder: Path, *, durable: bool = False) -> Iterator[ObjectStore]:
    """A gateway that answers, in an empty folder with a short path (its sockets lie in it).

    `durable`: what it has acknowledged survives a SIGKILL of each of its daemons.
    """
    port = free_port()
    _prepare(folder, port, "bluestore" if durable else "memstore")
    with ExitStack() as stack:
        _run(stack, folder, "ceph-mon", "-i", "a")
        _make_osd(folder)
        _run(stack, folder, "ceph-osd", "-i", "0")
        wait_for(lambda: "1 up" in _ceph(folder, "osd", "stat"), 60, "The OSD is not up")
        _run(stack, folder, "radosgw", "-n", "client.admin", "-k", f"{folder}/keyring")
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(endpoint), 90, "The gateway does not answer")
        _call(
            "radosgw-admin", "-c", f"{folder}/ceph.conf", "-n", "client.admin", "user", "create",
            "--uid=test", "--display-name=test",
            f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}",
        )  # fmt: skip
        yield ObjectStore(endpoint, folder)


def _prepare(folder: Path, port: int, backend: str) -> None:
    """Configuration, keys, and a monitor that knows itself."""
    for name in ("run", "log", "mon", "osd", "rgw"):
        (folder / name).mkdir(parents=True)
    fsid, mon_port = str(uuid.uuid4()), free_port()
    (folder / "ceph.conf").write_text(
        CONFIGURATION.format(
            fsid=fsid,
            folder=folder,
            port=port,
            mon_port=mon_port,
            memory=MEMORY_BYTES,
            backend=backend,
            durable_bytes=DURABLE_BYTES,
        )
    )
    keyring, monmap, everything = f"{folder}/keyring", f"{folder}/monmap", "allow *"
    _call("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.",
          "--cap", "mon", everything)  # fmt: skip
    _call("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", "--cap", "mon", everything,
          "--cap", "osd", everything, "--cap", "mgr", everything)  # fmt: skip
    _call("ceph-authtool", keyring, "--gen-key", "-n", "osd.0", "--cap", "mon",
          "allow profile osd", "--cap", "osd", everything)  # fmt: skip
    address = f"[v2:127.0.0.1:{mon_port}/0]"
    _call("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
    _call("ceph-mon", "-c", f"{folder}/ceph.conf", "--mkfs", "-i", "a", "--monmap", monmap,
          "--keyring", keyring)  # fmt: skip


def _make_osd(folder: Path) -> None:
    identity = str(uuid.uuid4())
    _ceph(folder, "osd", "new", identity)
    _call("ceph-osd", "-c", f"{folder}/ceph.conf", "-i", "0", "--mkfs", "--osd-uuid", identity)


def _run(stack: ExitStack, folder: Path, program: str, *arguments: str) -> None:
    """Keep the daemon in the foreground (-f), on a leash that ends with the test session."""
    command = [program, "-f", "-c", f"{folder}/ceph.conf", *arguments]
    child = Child(
        program,
        command,
        console=Silent(folder / "log"),
        run_dir=folder / "run",
        stop_signal=signal.SIGKILL,
    )
    child.start()
    stack.callback(child.stop, 5)


def _ceph(folder: Path, *arguments: str) -> str:
    where = ["-c", f"{folder}/ceph.conf", "-k", f"{folder}/keyring", "--connect-timeout", "20"]
    return _call("ceph", *where, *arguments)


def _call(*command: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def _answers(endpoint: str) -> bool:
    try:
        LOCAL.open(urllib.request.Request(endpoint), timeout=3).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True

"""As whom the private PostgreSQL runs: it refuses root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


class NoAccount(Exception):
    """PostgreSQL cannot be started by this account on this folder."""


@dataclass(frozen=True)
class Account:
    """How to start a process that must not see itself as root."""

    prefix: tuple[str, ...]
    """Put in front of the command; the process keeps the same id."""
    uid: int
    gid: int
    """Who owns the files that it writes, seen from outside."""
    note: str = ""
    """A sentence for the operator; empty when there is nothing to tell."""


@cache
def service_account() -> Account:
    """This account; as root a user namespace of our own, else the account `postgres`."""
    if os.geteuid() != 0:
        return Account((), os.geteuid(), os.getegid())
    if _works(*UNSHARE, "true"):
        # Inside, root is an ordinary user; outside, the files stay root's. No folder changes owner.
        return Account(UNSHARE, 0, 0, "PostgreSQL refuses root, so it runs in a user namespace.")
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise NoAccount(
            "PostgreSQL refuses to run as root, and there is no account `postgres` to run it as. "
            "Start the server as an ordinary user."
        ) from None
    prefix = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
    note = f"PostgreSQL refuses root, so it runs as the account `{entry.pw_name}`."
    return Account(prefix, entry.pw_uid, entry.pw_gid, note)


def hand_over(folder: Path, account: Account) -> None:
    """Give the folder and what it holds to the account.

    Raises NoAccount when the account could not reach the folder, which happens below a closed
    home folder such as /root.
    """
    if os.geteuid() != 0 or account.uid == 0:
        return
    for path in (folder, *folder.rglob("*")):
        os.lchown(path, account.uid, account.gid)
    if not _works(*account.prefix, "test", "-w", str(folder)):
        raise NoAccount(
            f"PostgreSQL refuses to run as root, and its account cannot reach {folder}. Choose "
            "another data folder, such as DATA_DIR=/var/lib/rastrum, or start as an ordinary user."
        )


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

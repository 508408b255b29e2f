#!/usr/bin/env python3
"""Django's entry: every command runs in the environment that `make serve` set up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent


def use_project_environment() -> None:
    """Start again with .venv's Python when called with another one, as `./manage.py` does."""
    environment = BASE_DIR / ".venv"
    python = environment / "bin" / "python"
    if Path(sys.prefix).resolve() != environment.resolve() and python.exists():
        os.execv(python, [str(python), *sys.argv])


def main() -> None:
    use_project_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
        from django.db import OperationalError
    except ImportError:
        sys.exit("Rastrum is not set up yet: run `make serve` first.")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        sys.exit(f"The database does not answer. Does the server run (make serve)?\n{error}")


if __name__ == "__main__":
    main()

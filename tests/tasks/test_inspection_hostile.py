"""Every hostile upload of the generator beside the corpus, at the level of the pixel steps."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from repository.errors import NeedsInput, RastrumError, Rejected
from tests.inspecting import Child, Outcome

pytestmark = pytest.mark.corpus

CORPUS = Path(os.environ.get("RASTER_CORPUS") or Path(__file__).parents[3] / "shared" / "data")
GENERATOR = CORPUS.parent / "hostile" / "make_hostile.py"

ASKED_FOR = {"crs_missing", "no_georef", "crs_nonsense", "geokeys_garbage", "png_html"}
"""Nothing but the place is missing: the owner is asked for it instead of refused."""

PUBLISHED = {"accept", "accept-sanitised"}
MAX_SECONDS = 60


@dataclass
class Run:
    """The outcomes of all cases, and what the traps saw."""

    cases: dict[str, dict[str, Any]]
    canary: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    connections: list[Any] = field(default_factory=list)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    if not GENERATOR.exists():
        pytest.skip(f"the generator is absent: RASTER_CORPUS={CORPUS}")
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / "canary.txt"
    canary.write_text("the canary sings alone " * 20)
    with listener() as (port, connections):
        uploads = folder / "uploads"
        subprocess.run(
            [sys.executable, str(GENERATOR), str(uploads), "--target", str(canary),
             "--port", str(port)],
            check=True, timeout=300, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        manifest = json.loads((uploads / "manifest.json").read_text())
        done = Run({case["id"]: case for case in manifest["cases"]}, canary, {}, connections)
        with Child() as child:
            for name, case in done.cases.items():
                work = folder / "work" / name
                done.outcomes[name] = child.inspect(files_of(case, uploads), work, convert=True)
        yield done


class listener:  # noqa: N801 - used like a function
    """Counts who connects to a port of ours."""

    def __enter__(self) -> tuple[int, list[Any]]:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.peers: list[Any] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self.socket.getsockname()[1], self.peers

    def _accept(self) -> None:
        try:
            while True:
                connection, peer = self.socket.accept()
                self.peers.append(peer)
                connection.close()
        except OSError:
            pass  # closed

    def __exit__(self, *error: object) -> None:
        self.socket.close()


def files_of(case: dict[str, Any], uploads: Path) -> list[tuple[str, str]]:
    sidecars = [(str(uploads / name), Path(name).name) for name in case["sidecars"]]
    return [(str(uploads / case["file"]), case["upload_filename"]), *sidecars]


def fits(case: dict[str, Any], outcome: Outcome) -> bool:
    if isinstance(outcome.end, Rejected):
        return case["expected"] not in PUBLISHED and bool(outcome.end.detail and outcome.end.hint)
    if isinstance(outcome.end, NeedsInput):
        return case["id"] in ASKED_FOR and outcome.end.code == "crs_missing"
    return not isinstance(outcome.end, RastrumError) and case["expected"] != "reject"


def test_every_case_ends_as_it_should(run: Run) -> None:
    wrong = [
        f"{name} ({case['why']}): {case['expected']} was expected, not {run.outcomes[name].end!r}"
        for name, case in run.cases.items()
        if not fits(case, run.outcomes[name])
    ]
    assert not wrong, "\n".join(wrong)


def test_none_takes_long(run: Run) -> None:
    slow = {name: o.seconds for name, o in run.outcomes.items() if o.seconds > MAX_SECONDS}
    assert not slow


def test_nobody_called(run: Run) -> None:
    assert run.connections == []


def test_the_canary_is_in_no_answer(run: Run) -> None:
    for name, outcome in run.outcomes.items():
        told = json.dumps(outcome.last.to_json())
        if not isinstance(outcome.end, RastrumError):
            told += json.dumps(outcome.end.to_json())
        else:
            told += outcome.end.detail + outcome.end.hint
        assert "canary sings" not in told, name
        assert "Traceback" not in told, name


def test_nothing_escaped(run: Run) -> None:
    places = (Path("/tmp"), run.canary.parent, run.canary.parent / "work", Path.cwd())
    assert [path for place in places for path in place.glob("escape*")] == []
    assert run.canary.read_text().startswith("the canary sings")


def test_what_is_told_is_bounded_and_plain(run: Run) -> None:
    for name, outcome in run.outcomes.items():
        told = json.dumps(outcome.last.to_json())
        assert len(told) < 300_000, name
        for file in outcome.last.files:
            assert file.name.isprintable(), name
            assert len(file.name) <= 255, name
        if not isinstance(outcome.end, RastrumError):
            (found,) = outcome.end.rasters
            assert len(json.dumps(found.info.tags)) < 60_000, name
            assert all(value.isprintable() for value in found.info.tags.values()), name

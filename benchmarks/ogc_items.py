"""CPU that one page of OGC API items costs the server: read from /proc, not timed by a client.

    .venv/bin/python benchmarks/ogc_items.py --data-dir var --url http://127.0.0.1:8000

asks a running server (`make serve`) for `items?limit=10` of the collection with the most
items, prints a table and writes benchmarks/results/ogc_items.json. The goal is 6 ms a request.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.processes import cpu_seconds

RESULTS = Path(__file__).resolve().parent / "results"
GOAL_MS = 6.0


@dataclass(frozen=True)
class Result:
    """One question asked many times."""

    question: str
    requests: int
    web_cpu_ms: float
    """CPU of all web processes, divided by the requests."""
    database_cpu_ms: float
    median_ms: float
    """As the client waited; depends on what else the machine does."""
    answer_bytes: int


def main() -> None:
    options = _options()
    base = urlsplit(options.url)
    connection = http.client.HTTPConnection(base.hostname or "", base.port, timeout=60)
    collection = options.collection or _largest_collection(connection)
    web = int((options.data_dir / "run" / "web.pid").read_text())
    postgres = int((options.data_dir / "run" / "postgres.pid").read_text())
    items = f"/ogc/collections/{collection}/items"
    questions = [f"{items}?limit=10", f"{items}?limit=1", "/ogc/collections", "/ogc/"]
    results = [
        _measure(connection, question, options.requests, web, postgres) for question in questions
    ]
    _report(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU of one page of OGC API items")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--data-dir", type=Path, default=Path("var"))
    parser.add_argument("--collection", default="")
    parser.add_argument("--requests", type=int, default=400)
    return parser.parse_args()


def _largest_collection(connection: http.client.HTTPConnection) -> str:
    listed = json.loads(_get(connection, "/ogc/collections"))["collections"]
    counts: dict[str, int] = {
        entry["id"]: json.loads(
            _get(connection, f"/ogc/collections/{entry['id']}/items?resulttype=hits")
        )["numberMatched"]
        for entry in listed
    }
    return max(counts, key=lambda name: counts[name])


def _measure(
    connection: http.client.HTTPConnection, question: str, requests: int, web: int, postgres: int
) -> Result:
    for _ in range(40):  # connections, caches and imports of every process
        body = _get(connection, question)
    before = cpu_seconds(web), cpu_seconds(postgres)
    waits = []
    for _ in range(requests):
        started = time.perf_counter()
        _get(connection, question)
        waits.append(time.perf_counter() - started)
    used = cpu_seconds(web) - before[0], cpu_seconds(postgres) - before[1]
    return Result(
        question, requests, round(used[0] / requests * 1000, 2),
        round(used[1] / requests * 1000, 2), round(statistics.median(waits) * 1000, 2), len(body),
    )  # fmt: skip


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}: {body[:200]!r}")
    return body


def _report(results: list[Result]) -> None:
    print(f"{'question':52} {'web CPU':>9} {'database':>9} {'median':>9} {'bytes':>8}")
    for r in results:
        print(f"{r.question:52} {r.web_cpu_ms:6.2f} ms {r.database_cpu_ms:6.2f} ms"
              f" {r.median_ms:6.2f} ms {r.answer_bytes:8}")  # fmt: skip
    verdict = "within" if results[0].web_cpu_ms <= GOAL_MS else "above"
    print(f"items?limit=10: {verdict} the goal of {GOAL_MS:g} ms of CPU")
    RESULTS.mkdir(exist_ok=True)
    document = {"goal_ms": GOAL_MS, "results": [asdict(result) for result in results]}
    (RESULTS / "ogc_items.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()

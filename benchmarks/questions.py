"""How long each question to the store takes, over a generated database: ten calls a session, over 90 days.

Beside the time, the CPU time of all threads: on a machine that has other work, that is what to compare.

    uv run python benchmarks/questions.py [--calls 1000000] [--rounds 9]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from infraprism.collector.analytics import periods
from infraprism.collector.analytics.periods import Period
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.questions import calls, costs, metrics, sessions, spenders, unpriced
from infraprism.collector.store.questions.filters import Filter

DAY = 86_400 * 10**9
COSTS = [Decimal(0), Decimal("0.01"), Decimal("0.1"), Decimal(1)]
TURNS = [0, 1, 2, 5, 10, 20]
#: Sessions begin evenly; each has ten calls, about a minute apart. One call in fifty has no price.
MADE = """
    INSERT INTO calls BY NAME
    SELECT
        md5(concat('t', s, '-', k)) AS trace_id, md5(concat('s', s, '-', k))[1:16] AS span_id,
        begun AS started_at, begun + 1000000000 + (hash(s * 17 + k) % 3000000000)::BIGINT AS ended_at,
        concat('chat ', model) AS name, concat('conv-', md5(concat('x', s))) AS session_id,
        ['customer', 'team', 'project'][1 + (entity % 3)::INT] AS entity_type,
        concat('entity-', entity) AS entity_id,
        MAP {'feature': ['chat', 'agent', 'search', 'summary'][1 + (s % 4)::INT],
            'plan': ['free', 'pro'][1 + (s % 2)::INT]} AS tags,
        ['openai', 'anthropic', 'mistral'][1 + (s % 3)::INT] AS provider,
        CASE WHEN k = 0 THEN 'embeddings' ELSE 'chat' END AS operation,
        model AS request_model, concat(model, '-2025-01-01') AS response_model,
        CASE WHEN s % 5 = 0 THEN 'flex' ELSE 'default' END AS service_tier,
        (hash(s * 31 + k) % 4000)::BIGINT AS input_tokens, (hash(s * 37 + k) % 900)::BIGINT AS output_tokens,
        0 AS cache_read_tokens,
        CASE WHEN (s * 7 + k) % 50 > 0
            THEN ((hash(s * 41 + k) % 100000)::DECIMAL(38, 24) * 0.0000025)::DECIMAL(38, 24) END AS amount,
        'USD' AS currency, CASE WHEN (s * 7 + k) % 50 > 0 THEN 'priced' ELSE 'unpriced' END AS cost_status,
        'local' AS cost_source, 'genai-prices 0.2.3' AS price_version,
        MAP {'input': 0.001::DECIMAL(38, 24), 'output': 0.002::DECIMAL(38, 24)} AS cost_parts,
        (s + k) % 60 = 0 AS is_error, 'shop' AS service_name, '{"openai.api.type":"chat"}' AS attributes
    FROM (
        SELECT s, k, hash(s * 3) % 200 AS entity,
            ['gpt-4o', 'gpt-4o-mini', 'claude', 'mistral-large', 'o9'][1 + (hash(s) % 5)::INT] AS model,
            $start + (s * $step)::BIGINT + k * 60000000000 + (hash(s * 5 + k) % 30000000000)::BIGINT AS begun
        FROM range($sessions) AS sessions(s), range(10) AS turns(k)
    ) ORDER BY begun
"""


def made(path: Path, count: int, now: int) -> duckdb.DuckDBPyConnection:
    """A database of `count` calls."""
    Store(path).close()
    connection = duckdb.connect(path)
    number = count // 10
    connection.execute(MADE, {"start": now - 90 * DAY, "step": 90 * DAY // number, "sessions": number})
    connection.execute("CHECKPOINT")
    return connection


def questions(connection: duckdb.DuckDBPyConnection, now: int) -> dict[str, Callable[[], Any]]:
    """Each question as the routes ask it."""
    month = Filter(since=now - 30 * DAY, until=now)
    period = Period(now - 30 * DAY, now)
    days = periods.edges(period, "day", ZoneInfo("Europe/Berlin"))
    hours = periods.edges(period, "hour", UTC)

    def listed(wanted: Filter = Filter(), **options: Any) -> Any:  # noqa: B008 - it is frozen
        keys = sessions.page(connection, wanted, 101, **options)
        return keys, sessions.details(connection, keys[:100])

    def numbers(**options: Any) -> Any:
        found = metrics.sessions(connection, month, cost_edges=COSTS, turn_edges=TURNS, **options)
        before = Filter(since=period.before.since, until=period.before.until)
        return found, metrics.sessions(connection, before)

    keys, _ = listed(Filter(until=now - 20 * DAY))
    deep, last = keys[50].position, keys[50]
    one = Filter(last.session_id, whole_id=True)

    def below(question: Callable[..., Any]) -> Any:
        (key,) = sessions.page(connection, one, 2)
        return question(key)

    return {
        "sessions, the latest": listed,
        "sessions, a page 20 days back": lambda: listed(after=deep),
        "sessions, the dearest of all": lambda: listed(sort="total_cost"),
        "sessions, the dearest of 30 days": lambda: listed(Filter(since=month.since), sort="total_cost"),
        "sessions, the longest of all": lambda: listed(sort="duration"),
        "sessions, most turns of all": lambda: listed(sort="turn_count"),
        "sessions of an entity": lambda: listed(Filter(entity_type="customer", entity_id="entity-3")),
        "sessions with a model": lambda: listed(Filter(model="gpt-4o")),
        "sessions with a tag": lambda: listed(Filter(tags=(("feature", "agent"),))),
        "sessions by status": lambda: listed(Filter(status="partial")),
        "a session": lambda: below(lambda key: sessions.details(connection, [key])),
        "its calls": lambda: below(lambda key: calls.of_session(connection, key, 101)),
        "its timeline": lambda: below(lambda key: calls.items(connection, key)),
        "metrics, by day": lambda: numbers(edges=days),
        "metrics, by hour": lambda: numbers(edges=hours),
        "metrics, by day and model": lambda: numbers(edges=days, group_by="model"),
        "metrics, by day and entity": lambda: numbers(edges=days, group_by="entity"),
        "entities": lambda: spenders.page(connection, "entities", month, 101),
        "models": lambda: spenders.page(connection, "models", month, 101),
        "tags": lambda: spenders.page(connection, "tags", month, 101),
        "costs, by day and model": lambda: costs.grouped(connection, month, ["model"], 10_001, edges=days),
        "costs, by part": lambda: costs.grouped(connection, month, ["part"], 10_001),
        "unpriced": lambda: unpriced.calls(connection, month, 101),
    }


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    now = time.time_ns()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.duckdb"
        connection = made(path, args.calls, now)
        print(f"{args.calls:,} calls, {path.stat().st_size / args.calls:.0f} bytes each")
        print(f"{'question':36}{'best, ms':>10}{'CPU, ms':>10}")
        for name, question in questions(connection, now).items():
            times, used = [], []
            for _ in range(args.rounds):
                connection.begin()
                began, began_cpu = time.perf_counter(), cpu()
                question()
                times.append(time.perf_counter() - began)
                used.append(cpu() - began_cpu)
                connection.rollback()
            print(f"{name:36}{min(times) * 1e3:10.1f}{min(used) * 1e3:10.1f}", flush=True)


if __name__ == "__main__":
    main()

"""Other costs for stored calls on ClickHouse, which has no transactions.

The new costs wait in `recost_costs`, by chunk. What decides is the row in `recosts`: once it is there, the
chunks are applied, each by rows that replace those of `calls`. Who is stopped in between leaves them to the
next start; to apply a chunk twice changes nothing. Chunks without that row are nobody's: they go by age.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from infraprism import semconv
from infraprism.collector.ingest.calls import Call
from infraprism.collector.recosts.repricing import Stored
from infraprism.collector.store import history
from infraprism.collector.store.clickhouse import insertion
from infraprism.collector.store.history import COST, TOKEN_PARTS, CallFilter, Recost
from infraprism.pricing import Cost

_NEXT_ID: Final = """
    SELECT 1 + greatest(
        (SELECT coalesce(max(id), 0) FROM recosts),
        (SELECT coalesce(max(recost_id), 0) FROM recost_changes),
        (SELECT coalesce(max(recost_id), 0) FROM recost_costs))
"""
#: First the identity, then the fields of `Stored` behind the first one, in their order.
_STORED: Final = """
    SELECT trace_id, span_id, started_at AS start,
        started_at, entity_type, entity_id, operation, provider,
        coalesce(response_model, request_model), service_tier,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        amount, cost_status, cost_source, is_batch, usage, usage_unpriced,
        if(cost_status != 'priced'
            AND (position(attributes, {estimated:String}) > 0 OR position(attributes, {invalid:String}) > 0),
            toNullable(attributes), NULL),
        NOT is_usage_known OR (notEmpty(cost_parts) AND empty(cost_quantities)),
        NOT hasAll({token_parts:Array(String)}, mapKeys(cost_parts))
    FROM calls
    WHERE started_at >= {since:Int64} AND (started_at, trace_id, span_id) > {after} {wanted}
    ORDER BY started_at, trace_id, span_id
    LIMIT {limit:Int64}
"""
_CONDITIONS: Final = {
    "until": "started_at < {until:Int64}",
    "model": "({model:String} = request_model OR {model:String} = response_model)",
    "entity_type": "entity_type = {entity_type:String}",
    "entity_id": "entity_id = {entity_id:String}",
}
_IDENTITY: Final = "trace_id, span_id, started_at"
_OF_CHUNK: Final = f"""
    FROM calls AS stored GLOBAL INNER JOIN (
        SELECT * FROM recost_costs WHERE recost_id = {{recost_id:Int64}} AND chunk = {{chunk:Int64}}
    ) AS new USING ({_IDENTITY})
    WHERE stored.started_at BETWEEN {{first:Int64}} AND {{last:Int64}}
"""  # noqa: S608
_KEEP: Final = f"""
    INSERT INTO recost_changes (recost_id, {_IDENTITY}, {", ".join(COST)})
    SELECT {{recost_id:Int64}}, {_IDENTITY}, {", ".join(f"stored.{name}" for name in COST)} {_OF_CHUNK}
"""
_COLUMNS: Final = (*Call._fields, "is_usage_known")
_APPLY: Final = f"""
    INSERT INTO calls ({", ".join(_COLUMNS)}, {insertion.VERSION})
    SELECT {", ".join(f"{'new' if name in COST else 'stored'}.{name}" for name in _COLUMNS)},
        {{version:Int64}}
    {_OF_CHUNK}
"""
_UNFINISHED: Final = """
    SELECT id, recosted_at FROM recosts
    WHERE id IN (SELECT DISTINCT recost_id FROM recost_costs) ORDER BY id
"""
_CHUNKS: Final = """
    SELECT chunk, min(started_at), max(started_at) FROM recost_costs WHERE recost_id = {recost_id:Int64}
    GROUP BY chunk ORDER BY chunk
"""


class ClickHouseRecosting:
    """One recost on its way, over a client that nobody else has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._chunk = 0
        #: Of the calls of the last chunk.
        self._identities: list[tuple[str, str, int]] = []

    def next_id(self) -> int:
        """The id of this recost: higher than any before, those that were given up included."""
        return int(self._client.query(_NEXT_ID).result_rows[0][0])

    def chunks(self, wanted: CallFilter) -> Iterator[list[Stored]]:
        """The wanted calls, some at a time, the earliest first."""
        parameters: dict[str, Any] = {
            "since": wanted.since,
            "token_parts": TOKEN_PARTS,
            "estimated": semconv.ESTIMATED_OUTPUT_TOKENS,
            "invalid": semconv.USAGE_INVALID,
            "limit": history.CHUNK,
        }
        asked = []
        for name, condition in _CONDITIONS.items():
            if (value := getattr(wanted, name)) is not None:
                asked.append(f"AND {condition}")
                parameters[name] = value
        if wanted.unpriced:
            asked.append("AND cost_status = 'unpriced'")
        last = (wanted.since, "", "")
        sql = _STORED.replace("{wanted}", " ".join(asked)).replace(
            "{after}", "({start:Int64}, {trace_id:String}, {span_id:String})"
        )
        while True:
            position = dict(zip(("start", "trace_id", "span_id"), last, strict=True))
            rows = self._client.query(sql, parameters=parameters | position).result_rows
            if not rows:
                return
            self._identities = [(row[0], row[1], row[2]) for row in rows]
            last = (rows[-1][2], rows[-1][0], rows[-1][1])
            yield [_stored(number, row[3:]) for number, row in enumerate(rows)]

    def replace(self, recost_id: int, changes: Sequence[tuple[Stored, Cost]]) -> None:
        """Let new costs of the last chunk wait for `commit`, and keep those that the calls have."""
        if not changes:
            return
        self._chunk += 1
        identities = [self._identities[call.row_id] for call, _ in changes]
        costs = [cost for _, cost in changes]
        trace_ids, span_ids, starts = zip(*identities, strict=True)
        insertion.insert_columns(
            self._client,
            "recost_costs",
            {
                "recost_id": [recost_id] * len(costs),
                "chunk": [self._chunk] * len(costs),
                "trace_id": trace_ids,
                "span_id": span_ids,
                "started_at": starts,
                **history.cost_columns(costs),
            },
        )
        bounds = {"first": min(starts), "last": max(starts)}
        self._client.command(_KEEP, parameters={"recost_id": recost_id, "chunk": self._chunk} | bounds)

    def commit(self, recost: Recost) -> None:
        """Add the row that tells of the recost, then let what waits take effect."""
        self._client.insert("recosts", [list(recost)], column_names=list(recost._fields))
        apply(self._client, recost.id, recost.recosted_at)


def finish(client: Client) -> None:
    """Apply what a collector was stopped in the middle of. Raises `ClickHouseError`."""
    for recost_id, recosted_at in client.query(_UNFINISHED).result_rows:
        apply(client, recost_id, recosted_at)


def apply(client: Client, recost_id: int, version: int) -> None:
    """Give the calls of one recost their new costs, by rows of `version`. Raises `ClickHouseError`."""
    for chunk, first, last in client.query(_CHUNKS, parameters={"recost_id": recost_id}).result_rows:
        bounds = {"first": first, "last": last}
        of_chunk = {"recost_id": recost_id, "chunk": chunk, "version": version}
        client.command(_APPLY, parameters=of_chunk | bounds)
    client.command("DELETE FROM recost_costs WHERE recost_id = {recost_id:Int64}", {"recost_id": recost_id})


def _stored(number: int, row: Sequence[Any]) -> Stored:
    found = Stored(number, *row)
    return found._replace(
        usage=found.usage or None,
        usage_unpriced=found.usage_unpriced or None,
        tokens_only=bool(found.tokens_only),
        has_other_parts=bool(found.has_other_parts),
    )

"""Price lists: the installed one, and one that was saved."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot

from infraprism.pricing import PriceFileError, Status, Usage, find, lists, load, price, rates, use, version

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEARCH = ("team", "search")
LIST = json.dumps(
    [
        {
            "id": "openai",
            "name": "OpenAI",
            "api_pattern": "https://api\\.openai\\.com",
            "models": [
                {
                    "id": "gpt-9",
                    "match": {"equals": "gpt-9"},
                    "prices": {"input_mtok": {"base": 4, "tiers": [{"start": 100, "price": 8}]}},
                    "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": "2.25"}}],
                }
            ],
        }
    ]
).encode()


@pytest.fixture
def saved(tmp_path):
    """A file of prices that names a saved list; nothing is in force afterwards."""
    (tmp_path / "list-2027.json").write_bytes(LIST)
    path = tmp_path / "p.toml"
    path.write_text(
        'name = "ours"\nlist = "list-2027.json"\n'
        '[[adjustments]]\nentity_type = "team"\nentity_id = "search"\npercent = -50\n'
    )
    yield path
    use(None)


def priced(tokens, *, batch=False, entity=None, model="gpt-9"):
    return price(
        Usage(tokens),
        provider="openai",
        model=model,
        service_tier=None,
        at=NOW,
        batch=batch,
        entity=entity,
    )


def test_a_saved_list_is_priced_by(saved):
    assert priced(100).status is Status.UNPRICED
    book = load(saved)
    use(book)
    named = f"list-2027.json {book.listed.version.split()[1]}"
    costs = [priced(100), priced(101), priced(100, batch=True), priced(100, entity=SEARCH)]
    assert [(cost.amount, cost.price_version) for cost in costs] == [
        (Decimal("0.0004"), named),
        (Decimal("0.000808"), named),
        (Decimal("0.000225"), named),
        (Decimal("0.0002"), f"{named}, {book.version}"),
    ]
    # It is all that there is: what only the installed list has is unknown.
    assert priced(100, model="text-embedding-3-small").status is Status.UNPRICED
    use(None)
    assert (priced(100).status, version()) == (Status.UNPRICED, lists.installed().version)
    assert priced(100, model="text-embedding-3-small").status is Status.PRICED


def test_a_list_is_looked_for_beside_the_file_that_names_it(saved, monkeypatch):
    monkeypatch.chdir("/")
    assert load(saved).listed.version.startswith("list-2027.json ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is no price list: JSONDecodeError: "),
        (b"{}", "is no price list: it has no providers"),
        (b"[]", "is no price list: it has no providers"),
        (b"[1]", "is no price list: "),
        (b"\xff", "is no price list: UnicodeDecodeError: "),
        (b"[" * 100_000, "is no price list: RecursionError: "),
        (LIST.replace(b"2.25", b"free"), "is no price list: ValidationError: "),
    ],
)
def test_what_is_no_list_is_a_mistake_of_the_file_that_names_it(saved, data, message):
    (saved.parent / "list-2027.json").unlink()
    if data is not None:
        (saved.parent / "list-2027.json").write_bytes(data)
    with pytest.raises(PriceFileError) as caught:
        load(saved)
    [problem] = caught.value.problems
    assert (problem.line, problem.field) == (2, "list")
    assert problem.message.startswith(message)


def test_what_the_host_tells_genai_prices_changes_nothing():
    expected = find("openai", "gpt-4o", None, NOW)
    rates._match.cache_clear()
    rates._resolve.cache_clear()
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert find("openai", "gpt-4o", None, NOW) == expected
    finally:
        set_custom_snapshot(None)

"""`infraprism cost`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from infraprism.pricing import load, version
from tests.cli.conftest import Run

README = (Path(__file__).parents[2] / "README.md").read_text()
AT = ("--at", "2026-11-22")


def test_every_part_of_a_cost(run: Run) -> None:
    counts = ("--input-tokens", "300000", "--cached-tokens", "1000", "--output-tokens", "500")
    assert run("cost", "--model", "gpt-5.4", *counts, *AT) == (
        0,
        "  part         quantity   unit     rate, USD   per   amount, USD\n"
        " ────────────────────────────────────────────────────────────────\n"
        "  cache_read      1,000   tokens         0.5   1M         0.0005\n"
        "  input         299,000   tokens           5   1M          1.495\n"
        "  output            500   tokens        22.5   1M        0.01125\n"
        "  total                                                  1.50675\n"
        f"priced, local, by {version()}\n",
        "",
    )


def test_the_example_of_the_readme(run: Run) -> None:
    [(command, documented)] = re.findall(r"^\$ infraprism (cost .*)\n((?:.*\n)+?)```", README, re.MULTILINE)
    code, printed, _ = run(*command.split(), *AT)
    assert code == 0
    assert printed.splitlines() == [line for line in documented.splitlines() if line]


def test_of_an_entity_by_ones_own_prices(run: Run, example: Path) -> None:
    code, printed, errors = run(
        *("cost", "--model", "gpt-4o", "--input-tokens", "1000", "--entity", "customer/acme-corp"), *AT
    )
    assert (code, errors) == (0, "")
    assert printed == (
        "  part     quantity   unit     rate, USD   per   amount, USD\n"
        " ────────────────────────────────────────────────────────────\n"
        "  input       1,000   tokens      2.6875   1M      0.0026875\n"
        "  output          0   tokens       10.75   1M              0\n"
        "  total                                            0.0026875\n"
        f"priced, local, by {version()}, {load(example).version}, since 2026-01-01\n"
        "each rate is 7.5 % above the one for everybody: customer/acme-corp\n"
        "0.002365 EUR, one USD being 0.88\n"
    )


@pytest.mark.parametrize(
    ("options", "amount"),
    [
        (("--tier", "priority"), "0.0045"),
        (("--batch",), "0.001125"),
        (("--at", "2026-09-30"), "0.0025"),
        (("--at", "2026-10-01T00:00:00+01:00"), "0.0025"),
        (("--at", "2026-10-01"), "0.00225"),
        (("--entity", "customer/acme-corp"), "0.002"),
        (("--entity", "customer"), "0.00225"),
        (("--entity", "team/search"), "0.0019125"),
    ],
)
def test_what_it_is_for(run: Run, example: Path, options: tuple[str, ...], amount: str) -> None:
    code, printed, _ = run("cost", "--model", "gpt-5.4", "--input-tokens", "1000", *AT, *options)
    [total] = [line for line in printed.splitlines() if line.startswith("  total")]
    assert (code, total.split()) == (0, ["total", amount])


def test_all_kinds_of_tokens(run: Run) -> None:
    counts = {
        "--input-tokens": 1000,
        "--cached-tokens": 100,
        "--cache-write-tokens": 50,
        "--input-audio-tokens": 200,
        "--output-tokens": 500,
        "--reasoning-tokens": 10,
        "--output-audio-tokens": 300,
    }
    options = [text for option, count in counts.items() for text in (option, str(count))]
    code, printed, _ = run("cost", "--model", "gpt-realtime", *options, *AT)
    quantities = dict(line.split()[:2] for line in printed.splitlines()[2:-2])
    assert code == 0
    # It has no rates of its own for what is written to the cache, or for reasoning.
    assert quantities == {
        "cache_read": "100",
        "input_audio": "200",
        "input": "700",
        "output_audio": "300",
        "output": "200",
    }


def test_what_misses_something_is_a_floor(run: Run, example: Path) -> None:
    counts = ("--input-tokens", "1000", "--input-audio-tokens", "100")
    code, printed, _ = run("cost", "--model", "gpt-4o", *counts, *AT)
    assert code == 0
    assert printed.splitlines()[-3:] == [
        "  total                                            ≥ 0.00225",
        f"partial, local, by {version()}",
        "≥ 0.00198 EUR, one USD being 0.88",
    ]


def test_a_currency_without_a_rate(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "yen.toml"
    path.write_text("[display]\ncurrency = 'JPY'\nrates = [{ from = 2026-12-01, rate = 150 }]")
    monkeypatch.setenv("INFRAPRISM_PRICES", str(path))
    _, printed, _ = run("cost", "--model", "gpt-4o", "--input-tokens", "1000", *AT)
    assert printed.splitlines()[-1] == "no rate of JPY is known for 2026-11-22"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ("--model", "gpt-0"),
            "no price is known for gpt-0 of openai at 2026-11-22",
        ),
        (
            ("--model", "gpt-4o", "--tier", "scale", "--batch", "--provider", "groq"),
            "no price is known for gpt-4o of groq in batches at tier scale at 2026-11-22",
        ),
        (
            ("--model", "gpt-4o", "--cached-tokens", "600", "--input-audio-tokens", "401"),
            "--input-tokens is all of the input: its parts are more than 1,000",
        ),
        (
            ("--model", "gpt-4o", "--reasoning-tokens", "1"),
            "--output-tokens is all of the output: its parts are more than 0",
        ),
    ],
)
def test_what_has_no_cost_ends_with_1(run: Run, options: tuple[str, ...], complaint: str) -> None:
    assert run("cost", "--input-tokens", "1000", *AT, *options) == (1, "", f"{complaint}\n")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--input-tokens", "1.5"), "'1.5' is not a number of tokens"),
        (("--input-tokens", "9" * 19), f"'{'9' * 19}' is not a number of tokens"),
        (("--input-tokens", "1", "--at", "yesterday"), "'yesterday' is not a date such as 2026-10-01"),
        (("--input-tokens", "1", "--at", "0001-01-01T00:00+14:00"), "is not a date such as 2026-10-01"),
        (("--input-tokens", "1", "--entity", "/x"), "'/x' is not a type, or TYPE/ID"),
        (("--input-tokens", "1", "--entity", "customer/"), "'customer/' is not a type, or TYPE/ID"),
        ((), "the following arguments are required: --input-tokens"),
    ],
)
def test_options_that_make_no_sense(run: Run, options: tuple[str, ...], complaint: str) -> None:
    code, printed, errors = run("cost", "--model", "gpt-4o", *options)
    assert (code, printed) == (2, "")
    assert complaint in errors


def test_a_file_that_cannot_be_used(run: Run, example: Path) -> None:
    example.write_text("x = 1\ny = 2")
    known = "is not known here; it can be name, list, prices, aliases, adjustments, display"
    assert run("cost", "--model", "gpt-4o", "--input-tokens", "1") == (
        1,
        "",
        "INFRAPRISM_PRICES cannot be used:\n"
        f"prices.toml: line 1: x {known}\n"
        f"prices.toml: line 2: y {known}\n",
    )


@pytest.mark.parametrize(
    "command", [("cost", "--model", "gpt-4o", "--input-tokens", "1"), ("prices", "show", "gpt-4o")]
)
def test_a_missing_extra_is_named(
    run: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "infraprism.cli.price_tables", raising=False)
    monkeypatch.delattr("infraprism.cli.price_tables", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert run(*command) == (1, "", "this needs rich: pip install 'infraprism[collector]'\n")

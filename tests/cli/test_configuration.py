"""What the collector is told, and what wins."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path

import pytest

from infraprism.cli import configuration
from infraprism.cli.configuration import OPTIONS, Configuration, ConfigurationError
from tests.cli.test_serve import refused, serve

DEFAULTS = Configuration(
    host="127.0.0.1",
    port=4318,
    grpc_port=None,
    database="infraprism.duckdb",
    api_key=None,
    prices=None,
    backups=None,
    retention=None,
    log_format="text",
    trace_url=None,
    webhook_secret=None,
    webhook_private=False,
)
#: Of each setting: as it is written, and what it means.
WRITTEN = {
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("8080", 8080),
    "grpc_port": ("Off", "off"),
    "database": ("/data/x.duckdb", "/data/x.duckdb"),
    "api_key": ("ip-key", "ip-key"),
    "prices": ("prices.toml", Path("prices.toml")),
    "backups": ("/backups", Path("/backups")),
    "retention": ("400d", 400 * 86_400 * 10**9),
    "log_format": ("json", "json"),
    "trace_url": ("http://t.example/{trace_id}?a", "http://t.example/{trace_id}?a"),
    "webhook_secret": ("s" * 32, "s" * 32),
    "webhook_private": ("True", True),
}
#: They have no flag.
SECRETS = ("api_key", "webhook_secret")


def read(*flags: str, environ: dict[str, str] | None = None) -> Configuration:
    parser = argparse.ArgumentParser()
    configuration.add_options(parser)
    return configuration.read(parser.parse_args(flags), environ or {})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_said() -> None:
    assert read() == DEFAULTS


def test_every_setting_has_all_of_its_names(folder: Path) -> None:
    assert set(OPTIONS) == set(WRITTEN) == {field.name for field in fields(Configuration)}
    meant = Configuration(**{name: value for name, (_, value) in WRITTEN.items()})

    assert read(environ={OPTIONS[name].variable: text for name, (text, _) in WRITTEN.items()}) == meant
    flags = [
        f"--{name.replace('_', '-')}={text}" for name, (text, _) in WRITTEN.items() if name not in SECRETS
    ]
    assert read(*flags, environ={OPTIONS[name].variable: WRITTEN[name][0] for name in SECRETS}) == meant
    (folder / "infraprism.toml").write_text(
        "".join(f'{name} = "{text}"\n' for name, (text, _) in WRITTEN.items())
    )
    assert read() == meant
    for name, option in OPTIONS.items():
        assert option.variable == f"INFRAPRISM_{name.upper()}"


def test_flags_win_over_the_environment_and_that_over_the_file(folder: Path) -> None:
    (folder / "own.toml").write_text('port = 1\nhost = "file"\nretention = "1d"\n')

    told = read("--config", "own.toml", "--port=3", environ={"INFRAPRISM_PORT": "2", "INFRAPRISM_HOST": "e"})

    assert (told.port, told.host, told.retention) == (3, "e", 86_400 * 10**9)


def test_a_key_cannot_be_a_flag() -> None:
    with pytest.raises(SystemExit):
        read("--api-key", "ip-key")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('retenton = "1d"', "x.toml: retenton is not known; did you mean retention?"),
        (
            "zzz = 1",
            "x.toml: zzz is not known; known are"
            " host, port, grpc_port, database, api_key, prices, backups, retention,"
            " log_format, trace_url, webhook_secret, webhook_private",
        ),
        ("port = 70000", "x.toml: port must be a port number from 0 to 65535"),
        ("port = true", "x.toml: port must be a text or a whole number"),
        ('[host]\nname = "x"', "x.toml: host must be a text or a whole number"),
        ('host = " "', "x.toml: host must be a text or a whole number"),
        ('retention = "0d"', "x.toml: retention must be a number of days or hours such as 400d or 36h"),
        (
            'trace_url = "http://t.example/"',
            "x.toml: trace_url must be an http address with {trace_id} in it,"
            " such as https://tempo.example/{trace_id}",
        ),
        ('log_format = "xml"', "x.toml: log_format must be 'text' or 'json'"),
        ('webhook_secret = "short"', "x.toml: webhook_secret must have at least 32 characters"),
        ('webhook_private = "yes"', "x.toml: webhook_private must be 'true' or 'false'"),
        ('api_key = "sk-secret"', "x.toml: api_key must begin with 'ip-'"),
        ("port =", "x.toml: Invalid value (at end of document)"),
    ],
)
def test_what_cannot_be_used_is_named(folder: Path, written: str, message: str) -> None:
    (folder / "x.toml").write_text(written)

    with pytest.raises(ConfigurationError) as found:
        read("--config", "x.toml")
    assert str(found.value) == message


def test_a_file_that_was_asked_for_must_be_there() -> None:
    with pytest.raises(ConfigurationError, match=r"^x\.toml: there is no such file$"):
        read("--config", "x.toml")


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as found:
        read(environ={"INFRAPRISM_PORT": "http", "INFRAPRISM_RETENTION": "soon", "INFRAPRISM_HOST": " "})
    assert str(found.value) == (
        "INFRAPRISM_PORT must be a port number from 0 to 65535;"
        " INFRAPRISM_RETENTION must be a number of days or hours such as 400d or 36h"
    )


def test_the_collector_does_what_its_file_says(folder: Path) -> None:
    (folder / "infraprism.toml").write_text(
        'database = "own.duckdb"\napi_key = "ip-file"\nlog_format = "json"'
    )
    with serve(folder) as served:
        assert served.line.endswith(f"data in {folder}/own.duckdb\n")
        assert served.request("GET", "/v1/status", Authorization="Bearer ip-file")[0] == 200
    (folder / "infraprism.toml").write_text("hots = 1")
    assert refused(folder) == "infraprism.toml: hots is not known; did you mean host?"
    assert refused(folder, "--config", "none.toml") == "none.toml: there is no such file"
    (folder / "infraprism.toml").unlink()
    assert refused(folder, "--backups", "none") == "none is no folder for backups"


def test_the_table_of_the_documentation_is_this_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operation.md").read_text()
    section = text.partition("\n## Settings\n")[2].partition("\n## ")[0]

    rows = re.findall(r"^\| `(\w+)` \| .* \| (?:`(.+)`|none.*) \|$", section, re.MULTILINE)

    defaults = {name: "" if o.default is None else str(o.default).lower() for name, o in OPTIONS.items()}
    assert dict(rows) == defaults

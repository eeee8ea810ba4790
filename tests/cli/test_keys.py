"""`infraprism keys` on a file and through a collector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_serve import serve


def test_a_key_made_on_the_file_opens_the_collector_that_serves_it(run: Run, tmp_path: Path) -> None:
    code, key, errors = run("keys", "create", "ada", "--scope", "read", "--scope", "admin")
    assert (code, errors) == (0, "Keep it now: it is not shown again.\n")
    key = key.strip()

    with serve(tmp_path) as served:
        assert served.request("GET", "/v1/status")[0] == 401
        assert served.request("GET", "/v1/status", Authorization=f"Bearer {key}")[0] == 200
        assert served.stop() == (0, "")

    code, text, _ = run("keys", "list", "--json")
    (row,) = json.loads(text)["data"]
    assert (code, row["name"], row["scopes"], row["prefix"]) == (0, "ada", ["read", "admin"], key[:9])
    assert row["last_used_at"] is not None
    assert key not in text
    code, table, _ = run("keys", "list")
    assert f"{key[:9]}…" in table
    assert run("keys", "revoke", row["id"]) == (0, f"revoked ada ({key[:9]}…)\n", "")
    assert run("keys", "revoke", "x") == (1, "", "there is no key 'x'\n")


def test_through_a_collector_with_a_key_of_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path, INFRAPRISM_API_KEY="ip-root") as served:
        url = f"http://127.0.0.1:{served.port}"
        assert run("keys", "list", "--url", url)[2] == (
            "the collector asks for its key: set INFRAPRISM_API_KEY\n"
        )
        monkeypatch.setenv("INFRAPRISM_API_KEY", "ip-root")
        _, text, _ = run("keys", "create", "ci", "--scope", "ingest", "--url", url, "--json")
        made = json.loads(text)
        assert served.request("GET", "/v1/status", Authorization=f"Bearer {made['key']}")[0] == 403
        assert run("keys", "revoke", made["id"], "--url", url)[0] == 0
        assert served.request("GET", "/v1/status", Authorization=f"Bearer {made['key']}")[0] == 401
        assert run("keys", "revoke", "x", "--url", url) == (1, "", "there is no key 'x'\n")
        code, _, errors = run("keys", "list")
        assert code == 1
        assert errors.endswith("; if a collector runs on it, ask it with --url\n")


def test_no_file_is_made_to_look_for_keys(run: Run, tmp_path: Path) -> None:
    assert run("keys", "list") == (1, "", "infraprism.duckdb: there is no such file\n")
    assert [*tmp_path.glob("*.duckdb")] == []


def test_with_stored_keys_only_it_listens_to_other_machines(run: Run, tmp_path: Path) -> None:
    run("keys", "create", "ada", "--scope", "admin")
    with serve(tmp_path, "--host", "0.0.0.0") as served:
        assert served.request("GET", "/v1/status")[0] == 401

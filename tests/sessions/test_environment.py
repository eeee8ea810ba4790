"""A session for everything a process does, from its environment."""

import os
import subprocess
import sys

import pytest

from infraprism import session
from infraprism.sessions import NOBODY, Identity, from_environment, identity_in


def run(program, **variables):
    """What a process with these variables prints, and its log."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INFRAPRISM_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ | {f"INFRAPRISM_{name}": value for name, value in variables.items()},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip(), done.stderr.splitlines()


def test_everything_in_a_process_has_its_session():
    printed, logged = run(
        "from infraprism.sessions import identity_in; print(*identity_in()[:3], dict(identity_in().tags))",
        SESSION_ID="job-7",
        ENTITY_TYPE="team",
        ENTITY_ID="search",
        TAGS="job=nightly, step=1",
    )
    assert printed == "job-7 team search {'job': 'nightly', 'step': '1'}"
    assert logged == []


def test_each_bad_value_is_left_out_with_one_warning_that_names_it():
    printed, logged = run(
        "import infraprism\n"
        "from infraprism.sessions import identity_in\n"
        "with infraprism.session('conv-1'), infraprism.session(entity_type='customer'): pass\n"
        "print(*identity_in()[:3], dict(identity_in().tags))",
        SESSION_ID="s" * 201,
        ENTITY_TYPE="team",
        ENTITY_ID=os.fsdecode(b"\xff"),
        TAGS="nightly",
        API_KEY="secret",
        PORT="http",
    )
    assert printed == "None team None {}"
    assert logged == [
        "infraprism: INFRAPRISM_API_KEY must begin with 'ip-'; it is ignored",
        "infraprism: INFRAPRISM_PORT must be a port number from 0 to 65535; it is ignored",
        "infraprism: INFRAPRISM_SESSION_ID: session_id must be at most 200 characters long, not 201;"
        " it is ignored",
        "infraprism: INFRAPRISM_ENTITY_ID: entity_id must be valid Unicode text; it is ignored",
        "infraprism: INFRAPRISM_TAGS: tags must be written key=value,key=value; it is ignored",
    ]


@pytest.mark.parametrize(
    ("written", "tags"),
    [
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a = 1 , b = 2 ,", {"a": "1", "b": "2"}),
        ("a=x=y", {"a": "x=y"}),
        ("a=1,a=2", {"a": "2"}),
    ],
)
def test_how_tags_are_written(environment, written, tags):
    environment(TAGS=written)
    assert from_environment() == Identity(tags=tags)


@pytest.mark.parametrize("written", ["a", "a=1,b", "=1", "a=", ",".join(f"t{n}=v" for n in range(33))])
def test_how_they_are_not(environment, caplog, written):
    environment(TAGS=written)
    assert from_environment() == NOBODY
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith("infraprism: INFRAPRISM_TAGS: tags")


def test_blank_values_are_not_given(environment, caplog):
    environment(SESSION_ID=" ", ENTITY_TYPE="", ENTITY_ID="", TAGS="")
    assert from_environment() is NOBODY
    assert caplog.messages == []


def test_a_block_wins_over_the_environment(environment):
    environment(SESSION_ID="job-7", ENTITY_TYPE="team", ENTITY_ID="search", TAGS="job=nightly,step=1")
    with session("conv-1", tags={"step": "2"}):
        assert identity_in() == Identity("conv-1", "team", "search", {"job": "nightly", "step": "2"})
    assert identity_in() == Identity("job-7", "team", "search", {"job": "nightly", "step": "1"})

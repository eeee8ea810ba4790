"""The `INFRAPRISM_*` variables."""

import pytest

from infraprism import settings
from infraprism.settings import Settings, load

API_KEY_PROBLEM = "INFRAPRISM_API_KEY must begin with 'ip-'"
BAGGAGE_PROBLEM = (
    "INFRAPRISM_BAGGAGE must be a list of"
    " infraprism.entity.id, infraprism.entity.type, infraprism.session.id, infraprism.tag.<key>"
)
MODE_PROBLEM = "INFRAPRISM_SESSION_MODE must be 'join', 'nest' or 'link'"
PORT_PROBLEM = "INFRAPRISM_PORT must be a port number from 0 to 65535"


def test_defaults():
    assert load({}) == Settings(
        session_id=None,
        entity_type=None,
        entity_id=None,
        tags=None,
        baggage=(),
        trace_key=None,
        session_mode="join",
        trace_max_calls=1000,
        trace_max_hours=None,
        unsampled_events=True,
        prices=None,
        api_key=None,
        host="127.0.0.1",
        port=4318,
        database="infraprism.duckdb",
        collector=None,
        problems=(),
    )


def test_every_variable():
    assert load(
        {
            "INFRAPRISM_SESSION_ID": "job-7",
            "INFRAPRISM_ENTITY_TYPE": "team",
            "INFRAPRISM_ENTITY_ID": "search",
            "INFRAPRISM_TAGS": "job=nightly",
            "INFRAPRISM_BAGGAGE": "infraprism.session.id, infraprism.entity.id,infraprism.tag.feature,",
            "INFRAPRISM_TRACE_KEY": "secret",
            "INFRAPRISM_SESSION_MODE": "nest",
            "INFRAPRISM_TRACE_MAX_CALLS": "200",
            "INFRAPRISM_TRACE_MAX_HOURS": "24",
            "INFRAPRISM_UNSAMPLED_EVENTS": "False",
            "INFRAPRISM_PRICES": "/etc/prices.toml",
            "INFRAPRISM_API_KEY": "ip-key",
            "INFRAPRISM_HOST": "0.0.0.0",
            "INFRAPRISM_PORT": "8080",
            "INFRAPRISM_DATABASE": "/var/lib/calls.duckdb",
            "INFRAPRISM_COLLECTOR": "https://costs.example.com/ip",
            "INFRAPRISM_UNKNOWN": "not ours",
            "PATH": "/bin",
        }
    ) == Settings(
        session_id="job-7",
        entity_type="team",
        entity_id="search",
        tags="job=nightly",
        baggage=("infraprism.session.id", "infraprism.entity.id", "infraprism.tag.feature"),
        trace_key="secret",
        session_mode="nest",
        trace_max_calls=200,
        trace_max_hours=24,
        unsampled_events=False,
        prices="/etc/prices.toml",
        api_key="ip-key",
        host="0.0.0.0",
        port=8080,
        database="/var/lib/calls.duckdb",
        collector="https://costs.example.com/ip",
    )


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_blank_values_count_as_unset(blank):
    names = [
        "SESSION_ID",
        "ENTITY_TYPE",
        "ENTITY_ID",
        "TAGS",
        "BAGGAGE",
        "TRACE_KEY",
        "SESSION_MODE",
        "TRACE_MAX_CALLS",
        "TRACE_MAX_HOURS",
        "PRICES",
        "API_KEY",
        "HOST",
        "PORT",
        "DATABASE",
        "COLLECTOR",
    ]
    assert load({f"INFRAPRISM_{name}": blank for name in names}) == Settings()


def test_white_space_around_a_value_is_none_of_it():
    assert load({"INFRAPRISM_API_KEY": " ip-key\n", "INFRAPRISM_PORT": " 80 "}) == Settings(
        api_key="ip-key", port=80
    )


@pytest.mark.parametrize("port", ["0", "1", "65535", "00080"])
def test_ports(port):
    assert load({"INFRAPRISM_PORT": port}) == Settings(port=int(port))


@pytest.mark.parametrize("port", ["-1", "65536", "http", "80.0", "0x50", "8_0", "٨٠", "²", "9" * 5000])
def test_what_is_no_port_is_a_problem_and_the_default_is_used(port):
    assert load({"INFRAPRISM_PORT": port}) == Settings(problems=(PORT_PROBLEM,))


@pytest.mark.parametrize(
    "keys", ["session.id", "infraprism.session.id,user.email", "infraprism.tag.", "infraprism.session.id a"]
)
def test_what_baggage_cannot_have_is_a_problem_and_none_is_read(keys):
    assert load({"INFRAPRISM_BAGGAGE": keys}) == Settings(problems=(BAGGAGE_PROBLEM,))


@pytest.mark.parametrize("key", ["secret", "IP-key", "sk-proj-1", "xip-"])
def test_what_is_no_key_is_a_problem_that_does_not_quote_it(key):
    assert load({"INFRAPRISM_API_KEY": key}) == Settings(problems=(API_KEY_PROBLEM,))


def test_every_problem_is_reported():
    assert load({"INFRAPRISM_API_KEY": "secret", "INFRAPRISM_PORT": "http"}).problems == (
        API_KEY_PROBLEM,
        PORT_PROBLEM,
    )


def test_a_process_reads_its_environment_once(monkeypatch):
    settings.current.cache_clear()
    try:
        monkeypatch.setenv("INFRAPRISM_DATABASE", "first")
        before = settings.current()
        monkeypatch.setenv("INFRAPRISM_DATABASE", "second")
        assert settings.current() is before
        assert before.database == "first"
    finally:
        settings.current.cache_clear()


@pytest.mark.parametrize(
    ("written", "mode", "problems"),
    [
        ("join", "join", ()),
        ("nest", "nest", ()),
        ("Link", "link", ()),
        ("nested", "join", (MODE_PROBLEM,)),
        ("nest,link", "join", (MODE_PROBLEM,)),
    ],
)
def test_session_modes(written, mode, problems):
    assert load({"INFRAPRISM_SESSION_MODE": written}) == Settings(session_mode=mode, problems=problems)


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "many", "1000000000", "9" * 5000, "²"])
def test_a_limit_of_a_trace_that_is_none(written):
    problem = "INFRAPRISM_TRACE_MAX_CALLS must be a whole number from 1 to 999999999"
    assert load({"INFRAPRISM_TRACE_MAX_CALLS": written}) == Settings(problems=(problem,))
    problem = "INFRAPRISM_TRACE_MAX_HOURS must be a whole number from 1 to 100000"
    assert load({"INFRAPRISM_TRACE_MAX_HOURS": written}) == Settings(problems=(problem,))


def test_limits_of_a_trace():
    assert load({"INFRAPRISM_TRACE_MAX_CALLS": "1", "INFRAPRISM_TRACE_MAX_HOURS": "100000"}) == Settings(
        trace_max_calls=1, trace_max_hours=100_000
    )


@pytest.mark.parametrize("name", ["UNSAMPLED_EVENTS", "STREAM_USAGE"])
@pytest.mark.parametrize(("text", "is_on"), [("true", True), ("FALSE", False), ("no", True), ("0", True)])
def test_switches_are_on_unless_they_are_false(name, text, is_on):
    settings = load({f"INFRAPRISM_{name}": text})
    is_word = text.lower() in ("true", "false")
    assert getattr(settings, name.lower()) is is_on
    assert settings.problems == (() if is_word else (f"INFRAPRISM_{name} must be 'true' or 'false'",))


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "http://127.0.0.1:4318"), ("::1", "http://[::1]:4318")]
)
def test_where_the_collector_listens_is_an_address(host, address):
    assert Settings(host=host).listening == address


def test_what_is_no_address_of_a_collector_is_a_problem():
    problem = "INFRAPRISM_COLLECTOR must begin with http:// or https://"
    assert load({"INFRAPRISM_COLLECTOR": "costs:4318"}) == Settings(problems=(problem,))

"""Session and entity on log records."""

import logging
from collections import Counter

import pytest
import structlog

from infraprism import SessionLogFilter, guard, session, settings, structlog_processor
from infraprism.sessions import from_environment, logs

FORMAT = "%(message)s|%(session_id)s|%(entity_type)s|%(entity_id)s"


@pytest.fixture
def logger():
    """A logger whose lines are kept in the attribute `lines`, below one that has the handler."""

    class Keeping(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    lines = []
    parent, handler = logging.getLogger("app"), Keeping()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(SessionLogFilter())
    parent.addHandler(handler)
    parent.setLevel(logging.INFO)
    logger = logging.getLogger("app.part")
    logger.lines = lines
    yield logger
    parent.removeHandler(handler)


@pytest.fixture
def broken(monkeypatch):
    """The session cannot be found out."""

    def fail():
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(guard, "_dropped", Counter())
    monkeypatch.setattr(logs, "identity_in", fail)


def test_records_say_whose_they_are(logger):
    with session("conv-1", entity_type="customer", entity_id="acme"):
        logger.info("inside")
    logger.info("outside")
    assert logger.lines == ["inside|conv-1|customer|acme", "outside|None|None|None"]


def test_what_the_application_says_stays(logger):
    with session("conv-1", entity_type="customer", entity_id="acme"):
        logger.info("own", extra={"session_id": "web-7", "entity_id": None})
    assert logger.lines == ["own|web-7|customer|None"]


def test_a_record_is_logged_whatever_fails(logger, broken):
    logger.info("still there")
    assert (logger.lines, guard.dropped()) == (["still there|None|None|None"], {"telemetry_error": 1})


def test_a_warning_about_the_environment_can_be_logged_with_it(logger, monkeypatch):
    """It is logged while the session is found out."""
    monkeypatch.setattr(guard, "logger", logger)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("INFRAPRISM_SESSION_ID", "x" * 201)
        settings.current.cache_clear()
        from_environment.cache_clear()
        logger.info("first")
    settings.current.cache_clear()
    from_environment.cache_clear()
    problem = "INFRAPRISM_SESSION_ID: session_id must be at most 200 characters long, not 201"
    assert logger.lines == [f"infraprism: {problem}; it is ignored|None|None|None", "first|None|None|None"]


def test_structlog_says_whose_its_events_are():
    with structlog.testing.capture_logs(processors=[structlog_processor]) as events:
        log = structlog.get_logger()
        with session("conv-1", entity_type="customer", entity_id="acme"):
            log.info("inside")
            log.info("own", entity_id="7")
        log.info("outside")
    assert events == [
        {
            "event": "inside",
            "log_level": "info",
            "session_id": "conv-1",
            "entity_type": "customer",
            "entity_id": "acme",
        },
        {
            "event": "own",
            "log_level": "info",
            "session_id": "conv-1",
            "entity_type": "customer",
            "entity_id": "7",
        },
        {"event": "outside", "log_level": "info"},
    ]


def test_an_event_is_logged_whatever_fails(broken):
    event = {"event": "still there"}
    assert structlog_processor(None, "info", event) is event
    assert (event, guard.dropped()) == ({"event": "still there"}, {"telemetry_error": 1})

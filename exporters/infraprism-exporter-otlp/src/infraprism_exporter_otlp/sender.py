"""Delivers batches: one request after the other, again and again while the reason may pass."""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from infraprism_exporter_otlp import otlp_request
from infraprism_exporter_otlp.counts import Counts, HeldReason
from infraprism_exporter_otlp.http_transport import TransportError
from infraprism_exporter_otlp.segment_reader import Item
from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.verdicts import Answer, Outcome, judge

_logger = logging.getLogger(__name__)
#: Seconds before the second attempt; doubled each time, up to the longest.
FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 30.0
#: A failure that goes on is logged again after so many seconds.
_LOG_SECONDS: Final = 60.0
_MOST_MESSAGE: Final = 200


class Transport(Protocol):
    """Sends one request."""

    def send(self, body: bytes, timeout: float) -> Answer:
        """The answer; raises `TransportError` where there is none in time."""

    def close(self) -> None:
        """Close the connection."""

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""


class Sender:
    """Sends items, and counts what became of them. To be used by one thread."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        counts: Counts,
        hold: Callable[[Sequence[Item]], None],
        pause: Callable[[float], bool],
    ) -> None:
        """A sender.

        Args:
            hold: keeps items that another process is to send.
            pause: waits for so many seconds; False where nothing is to be tried again after it.
        """
        self._settings = settings
        self._transport = transport
        self._counts = counts
        self._hold = hold
        self._pause = pause
        self._logged: dict[str, float] = {}

    def send(self, items: Sequence[Item], timeout: Callable[[], float]) -> bool:
        """Deliver items, each in one request at least; True once they are accepted, kept or lost for good.

        False where it was asked to stop trying. Those of them that were accepted by then are sent again.

        Args:
            timeout: seconds for the next request.
        """
        body = otlp_request.join(items)
        for attempt in itertools.count():
            failure, wait = "", None
            try:
                answer = self._transport.send(body, timeout())
            except TransportError as error:
                failure = str(error)
            else:
                verdict = judge(answer)
                if verdict.outcome is Outcome.SPLIT and len(items) > 1:
                    half = len(items) // 2
                    return self.send(items[:half], timeout) and self.send(items[half:], timeout)
                if verdict.outcome is not Outcome.RETRY:
                    self._settle(items, answer, verdict.outcome, verdict.held)
                    return True
                failure, wait = f"HTTP {answer.status}", verdict.retry_after
            self._counts.add_retried(len(items))
            self._log(logging.WARNING, "transient", "%s: they are kept and sent again", failure)
            # A server that asks for no time at all, or for one that is over, is not asked without a pause.
            if not self._pause(_backoff(attempt) if wait is None else max(wait, _backoff(0))):
                return False
        raise AssertionError

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""
        self._transport.forget()

    def _settle(
        self, items: Sequence[Item], answer: Answer, outcome: Outcome, held: HeldReason | None
    ) -> None:
        if outcome is Outcome.ACCEPTED:
            rejected = otlp_request.rejected(answer.body, of_logs=self._settings.signal == "logs")
            lost = min(rejected.records, len(items))
            self._counts.add_sent(len(items) - lost)
            if lost:
                self._counts.drop("rejected", lost)
            if lost or rejected.message:
                text = "the server has rejected %d of a request: %s"
                self._log(logging.WARNING, "rejected", text, lost, _printable(rejected.message))
        elif held is not None:
            self._hold(items)
            self._counts.hold(held, len(items))
            text = "HTTP %d (%s): check %s. They are kept on disk, and sent by the next process that starts"
            at_fault = "the key" if held in ("unauthorized", "forbidden") else "the endpoint"
            self._log(logging.ERROR, held, text, answer.status, held, at_fault)
        elif outcome is Outcome.SPLIT:
            self._counts.drop("too_large", len(items))
            self._log(logging.ERROR, "too_large", "a single one is too large for the server: it is lost")
        else:
            self._counts.drop("refused", len(items))
            self._log(logging.ERROR, "refused", "HTTP %d: %d of them are lost", answer.status, len(items))

    def _log(self, level: int, kind: str, text: str, *arguments: object) -> None:
        now = time.monotonic()
        if now - self._logged.get(kind, -_LOG_SECONDS) >= _LOG_SECONDS:
            self._logged[kind] = now
            where = self._settings.folder.name
            _logger.log(level, f"Delivering %s (%s): {text}", self._settings.signal, where, *arguments)


def _backoff(attempt: int) -> float:
    longest = min(FIRST_BACKOFF * 2.0 ** min(attempt, 10), LONGEST_BACKOFF)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come back at once


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_MOST_MESSAGE])

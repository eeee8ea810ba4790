"""The output file of a batch, read on a thread of our own: one call for each of its lines.

Each line is ``{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error"}``,
https://platform.openai.com/docs/api-reference/batch/request-output.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from infraprism import guard
from infraprism.openai import background, batch_calls, events, known_batches
from infraprism.openai.late import Place

#: Bytes: a longer line is none of a batch's.
_LONGEST_LINE = 32 * 1024 * 1024
#: What the first line of a batch's output has near its beginning.
_CUSTOM_ID, _BEGINNING = b'"custom_id"', 4096
#: Calls recorded before they are exported: what waits in the SDK's queue (2,048 spans) pushes out others.
_EXPORTED_AT_ONCE = 512


class Reader:
    """Records the calls of one downloaded file as its content comes in; a file of another kind is left alone.

    `feed` and `finish` are the caller's: they only hand over. All else runs on our thread.
    """

    def __init__(self, place: Place, file_id: str | None) -> None:
        self._place = place
        self._file_id = file_id
        batch = known_batches.of_file(file_id)
        self._recognised = batch is not None
        self._batch = batch or known_batches.UNKNOWN
        self._begun = False
        #: There is nothing more to do: the file is another's, was read before, or is given up.
        self._done = known_batches.is_read(file_id)
        self._rest = b""
        self._recorded = 0

    @guard.guarded("telemetry_error")
    def feed(self, data: bytes | str) -> None:
        """Take the next piece of the file."""
        if self._done or not data:
            return
        if not self._begun:
            self._begun = True
            if not self._recognised and data[:1] not in (b"{", "{"):
                self._done = True
                return
        if not background.hand_over(partial(self._read, data), len(data)):
            self._done = True
            _unread(1)

    @guard.guarded("telemetry_error")
    def finish(self) -> None:
        """Take the end of the file."""
        if not self._done:
            background.hand_over(self._end, 0)

    @guard.guarded("telemetry_error")
    def _read(self, piece: bytes | str) -> None:
        if not self._recorded and known_batches.is_read(self._file_id):
            self._done = True  # a download that came before was still waiting to be read when this one began
        if self._done:
            return
        data = piece.encode(errors="replace") if isinstance(piece, str) else piece
        data = self._rest + data if self._rest else data
        start, self._rest = 0, b""
        while (end := data.find(b"\n", start, start + _LONGEST_LINE)) >= 0:
            if not background.give_way():
                self._done = True
                _unread(data.count(b"\n", start))
            else:
                self._line(data[start:end])
            if self._is_done():
                return
            start = end + 1
        if len(data) - start < _LONGEST_LINE:
            self._rest = data[start:]
        else:
            self._done = True
            if self._recognised:
                _malformed()

    def _is_done(self) -> bool:
        return self._done

    @guard.guarded("telemetry_error")
    def _end(self) -> None:
        if not self._done:
            self._line(self._rest)
        if not self._is_done():
            self._done = True
            if self._recognised and self._file_id is not None:
                known_batches.read(self._file_id)
        self._rest = b""
        if self._recorded:
            events.flush(self._place.connection)

    @guard.guarded("telemetry_error")
    def _line(self, data: bytes) -> None:
        if not data or data.isspace():
            return
        line = _parse(data) if self._recognised or _CUSTOM_ID in data[:_BEGINNING] else None
        if line is None:
            if self._recognised:
                _malformed()
            else:
                self._done = True  # the first line decides
            return
        self._recognised = True
        if batch_calls.record(self._place, self._batch, line):
            self._recorded += 1
            if self._recorded % _EXPORTED_AT_ONCE == 0:
                events.flush(self._place.connection)


def _parse(data: bytes) -> dict[str, Any] | None:
    """A line of a batch's output; None where it is something else."""
    try:
        line = json.loads(data)
    except (ValueError, RecursionError):
        return None
    # The lines of a batch's input have a custom id too.
    if not isinstance(line, dict) or "custom_id" not in line or not line.keys() & {"response", "error"}:
        return None
    response = line.get("response")
    return line if response is None or isinstance(response, dict) else None


def _malformed() -> None:
    guard.drop("batch_line_malformed", "a line of a downloaded batch output")


def _unread(lines: int) -> None:
    guard.drop("batch_unread", "lines of a downloaded batch output", lines)

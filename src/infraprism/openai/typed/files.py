# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.files` of the drop-in clients: a batch's output belongs to the session that downloads it."""

from __future__ import annotations

from typing import Unpack

from openai import HttpxBinaryResponseContent
from openai.resources import files

from infraprism.openai.typed.arguments import RequestOptions


class Files(files.Files):
    """`client.files`."""

    def content(self, file_id: str, **arguments: Unpack[RequestOptions]) -> HttpxBinaryResponseContent:
        """Download a file."""
        raise NotImplementedError


class AsyncFiles(files.AsyncFiles):
    """`client.files`."""

    async def content(self, file_id: str, **arguments: Unpack[RequestOptions]) -> HttpxBinaryResponseContent:
        """Download a file."""
        raise NotImplementedError

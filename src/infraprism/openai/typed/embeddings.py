# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.embeddings` of the drop-in clients."""

from __future__ import annotations

from typing import Unpack

from openai.resources import embeddings
from openai.types import CreateEmbeddingResponse

from infraprism.openai.typed.arguments import EmbeddingArguments


class Embeddings(embeddings.Embeddings):
    """`client.embeddings`."""

    def create(self, **arguments: Unpack[EmbeddingArguments]) -> CreateEmbeddingResponse:
        """Create embeddings."""
        raise NotImplementedError


class AsyncEmbeddings(embeddings.AsyncEmbeddings):
    """`client.embeddings`."""

    async def create(self, **arguments: Unpack[EmbeddingArguments]) -> CreateEmbeddingResponse:
        """Create embeddings."""
        raise NotImplementedError

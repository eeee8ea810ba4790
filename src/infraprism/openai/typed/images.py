# The overrides narrow the client's signatures (its "not given" markers are left out), on purpose.
# mypy: disable-error-code="override, misc"

"""`client.images` of the drop-in clients."""

from __future__ import annotations

from typing import Any, Unpack, overload

from openai import AsyncStream, Stream
from openai.resources import images
from openai.types import ImageEditStreamEvent, ImageGenStreamEvent, ImagesResponse

from infraprism.openai.typed.media_arguments import (
    ImageArguments,
    ImageEditArguments,
    ImageEditStreamArguments,
    ImageStreamArguments,
    ImageVariationArguments,
)


class Images(images.Images):
    """`client.images`."""

    @overload
    def generate(self, **arguments: Unpack[ImageArguments]) -> ImagesResponse: ...
    @overload
    def generate(self, **arguments: Unpack[ImageStreamArguments]) -> Stream[ImageGenStreamEvent]: ...
    def generate(self, **arguments: Any) -> Any:
        """Make images."""

    @overload
    def edit(self, **arguments: Unpack[ImageEditArguments]) -> ImagesResponse: ...
    @overload
    def edit(self, **arguments: Unpack[ImageEditStreamArguments]) -> Stream[ImageEditStreamEvent]: ...
    def edit(self, **arguments: Any) -> Any:
        """Edit images."""

    def create_variation(self, **arguments: Unpack[ImageVariationArguments]) -> ImagesResponse:
        """Make variations of an image."""
        raise NotImplementedError


class AsyncImages(images.AsyncImages):
    """`client.images`."""

    @overload
    async def generate(self, **arguments: Unpack[ImageArguments]) -> ImagesResponse: ...
    @overload
    async def generate(
        self, **arguments: Unpack[ImageStreamArguments]
    ) -> AsyncStream[ImageGenStreamEvent]: ...
    async def generate(self, **arguments: Any) -> Any:
        """Make images."""

    @overload
    async def edit(self, **arguments: Unpack[ImageEditArguments]) -> ImagesResponse: ...
    @overload
    async def edit(
        self, **arguments: Unpack[ImageEditStreamArguments]
    ) -> AsyncStream[ImageEditStreamEvent]: ...
    async def edit(self, **arguments: Any) -> Any:
        """Edit images."""

    async def create_variation(self, **arguments: Unpack[ImageVariationArguments]) -> ImagesResponse:
        """Make variations of an image."""
        raise NotImplementedError

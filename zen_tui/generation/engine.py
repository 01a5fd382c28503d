"""The engine: from requests to pictures, stage by stage, in batches.

All prompts of a stretch are encoded first, then batches of like pictures are denoised and decoded. Every
picture draws its noise from a generator of its own, so it is the same alone or in any batch. Nothing
here touches the global random state: a training that draws samples goes on as if it had not.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.generation import memory
from zen_tui.generation.preview import Projection
from zen_tui.library.errors import ZenError
from zen_tui.library.events import Interrupted
from zen_tui.library.specs import PictureRequest

STRETCH = 512  # pictures whose prompts are encoded at one time
ENCODED_AT_ONCE = 8
PREVIEWED = 8  # pictures of a batch that are shown in the making

OnPreview = Callable[[int, int, list[tuple[int, Image.Image]]], None]
"""Called with the step, the number of steps, and (place, image of at most 64 px) of pictures in the making."""


@dataclass(frozen=True)
class Share:
    """Which batches one of several processes draws: every `count`th from number `index` on.

    `sizes` are those of the batches by width and height, so that all processes divide the pictures alike.
    """

    index: int = 0
    count: int = 1
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Item:
    index: int
    request: PictureRequest


class Engine:
    """Draws pictures with a family and whatever adapters are set on it.

    Args:
        family: the loaded base.
        batch_size: pictures denoised together; 0 lets the memory decide.
        preview_every: steps between two previews.
        share: what of the pictures it draws; all unless told.
    """

    def __init__(
        self, family: Family, *, batch_size: int = 0, preview_every: int = 5, share: Share | None = None
    ) -> None:
        self.family = family
        self.batch_size = batch_size
        self.preview_every = max(1, preview_every)
        self.share = share or Share()
        self._encoded: dict[str, Cond] = {}
        self._read_with = family.reading  # the adapters that acted on what is in it
        self._projection = Projection(family)

    def prepare(self, requests: Sequence[PictureRequest], asked: Callable[[], str] | None = None) -> None:
        """Encode the prompts of `requests` now, so that drawing them later needs no text encoder.

        Raises:
            Interrupted: `asked` said so.
        """
        if self.family.reading != self._read_with or "text" in self.family.held:  # what learns reads otherwise
            self._encoded.clear()
            self._read_with = self.family.reading
        texts = dict.fromkeys(text for r in requests for text in (r.prompt, r.negative))
        missing = [text for text in texts if text not in self._encoded]
        for some in _chunks(missing, ENCODED_AT_ONCE):
            if how := asked() if asked else "":
                raise Interrupted(how)
            cond = self.family.encode(some).to(torch.device("cpu"))
            self._encoded |= {text: cond[[row]] for row, text in enumerate(some)}

    def make_room(self) -> None:
        """Let go of the text encoders, now that prompts are encoded, if memory is tight."""
        if memory.is_tight(self.family):
            self.family.release("text")

    def draw(
        self,
        requests: Sequence[PictureRequest],
        *,
        on_preview: OnPreview | None = None,
        asked: Callable[[], str] | None = None,
    ) -> Iterator[tuple[int, Image.Image]]:
        """Yield each picture of its share with its place in `requests`, as soon as its batch is done.

        Pictures of the same size, steps and scheduler are made together, so the order may differ.

        Args:
            on_preview: hears of pictures in the making.
            asked: polled before every step; anything but '' ends the work.

        Raises:
            Interrupted: `asked` said so; no picture of the running batch is given.
            ZenError: not even one picture fits into the memory, or its numbers ran over.
        """
        items = [_Item(index, request) for index, request in enumerate(requests)]
        numbers = itertools.count()
        for stretch in _chunks(items, STRETCH):
            self.prepare([item.request for item in stretch], asked)
            self.make_room()
            for group in _alike(stretch, self.family):
                size = self.size(group[0].request.width, group[0].request.height)
                batches = zip(_chunks(group, size), numbers, strict=False)
                own = [batch for batch, number in batches if number % self.share.count == self.share.index]
                yield from self._draw_alike(own, on_preview, asked or (lambda: ""))
            if len(items) > STRETCH:
                self._encoded.clear()

    def size(self, width: int, height: int) -> int:
        """How many pictures of this size are denoised together; may load the denoiser."""
        told = self.share.sizes.get((width, height), self.batch_size)
        return told or memory.batch_size(self.family, width, height)

    def _draw_alike(
        self, batches: list[list[_Item]], on_preview: OnPreview | None, asked: Callable[[], str]
    ) -> Iterator[tuple[int, Image.Image]]:
        """Batches of pictures that share everything but prompt, guidance and seed; halved when memory ends."""
        fitting = max(map(len, batches), default=0)
        for whole in batches:
            items = whole
            while items:
                batch = items[:fitting]
                try:
                    images = self._decode(self._denoise(batch, on_preview, asked))
                except RuntimeError as error:
                    if not memory.ran_out(error):
                        raise
                    if len(batch) == 1:
                        size = f"{batch[0].request.width}x{batch[0].request.height}"
                        raise ZenError(
                            f"The memory is too small for a picture of {size}.",
                            "Choose a smaller size, or close other programs that use the GPU.",
                        ) from error
                    fitting = len(batch) // 2
                    self.family.release("text")
                    continue
                items = items[fitting:]
                yield from ((item.index, image) for item, image in zip(batch, images, strict=True))

    @torch.no_grad()
    def _denoise(self, batch: list[_Item], on_preview: OnPreview | None, asked: Callable[[], str]) -> Tensor:
        """The finished latents of a batch, (N, C, h, w)."""
        family, first = self.family, batch[0].request
        size = (first.width, first.height)
        scheduler = family.scheduler(first.scheduler)
        family.start(scheduler, first.steps, size)
        own = [torch.Generator("cpu").manual_seed(item.request.seed) for item in batch]
        shape = family.latent_shape(*size)
        noise = torch.stack([torch.randn(shape, generator=generator) for generator in own])
        x: Tensor = noise.to(family.device) * getattr(scheduler, "init_noise_sigma", 1.0)
        takes_generator = "generator" in inspect.signature(scheduler.step).parameters
        extra: dict[str, Any] = {"generator": own} if takes_generator else {}

        scale = getattr(scheduler, "scale_model_input", lambda x, t: x)  # a flow needs none

        guided = family.is_guided(first.guidance)
        cond = self._cond([item.request.prompt for item in batch])
        if guided:
            cond = Cond.join([self._cond([item.request.negative for item in batch]), cond])
        guidance = torch.tensor([item.request.guidance for item in batch], device=x.device)

        denoiser = family.denoiser()
        was_training = denoiser.training
        denoiser.eval()  # no drop-out while sampling in the middle of a training
        try:
            for step, t in enumerate(scheduler.timesteps, 1):
                if how := asked():
                    raise Interrupted(how)
                scaled = scale(x, t)
                s = family.time(t).expand(len(x))
                if guided:
                    both = family.predict(torch.cat([scaled, scaled]), torch.cat([s, s]), cond, size)
                    without, with_prompt = both.chunk(2)
                    answer = family.guide(without, with_prompt, guidance.view(-1, 1, 1, 1))
                else:
                    answer = family.predict(scaled, s, cond, size, guidance)
                result = scheduler.step(answer, t, x, **extra)
                guess = family.clean(scheduler, result, x, answer, s)
                x = result.prev_sample
                if on_preview and step < first.steps and step % self.preview_every == 0:
                    shown = guess[:PREVIEWED]
                    places = [item.index for item in batch]
                    on_preview(step, first.steps, list(zip(places, self._projection.images(shown), strict=False)))
        finally:
            denoiser.train(was_training)
        if not torch.isfinite(x).all():
            raise ZenError(
                "The numbers ran over while a picture was made, so there is nothing to show.",
                "Lower the guidance or the weights of the adapters.",
            )
        return x

    def _cond(self, texts: list[str]) -> Cond:
        return Cond.join([self._encoded[text] for text in texts]).to(self.family.device)

    def _decode(self, latents: Tensor) -> list[Image.Image]:
        """Pictures from latents; when memory ends one at a time, then without the denoiser, then in tiles."""
        pixels = None
        for way in (self.family.decode, self._decode_singly, self._decode_alone, self._decode_tiled):
            try:
                pixels = way(latents)
                break
            except RuntimeError as error:  # left before the next way, so that what it held is free by then
                if not memory.ran_out(error):
                    raise
        if pixels is None:
            raise torch.OutOfMemoryError("not even one picture could be decoded")
        if not torch.isfinite(pixels).all():
            raise ZenError(
                "The base's autoencoder gave numbers that are no picture.",
                "Its VAE may be damaged: `zen bases check` reads it again, `zen bases add --vae` takes another.",
            )
        self._projection.learn(latents, pixels)
        levels = (pixels * 255).round().to("cpu", torch.uint8)
        return [Image.fromarray(one.permute(1, 2, 0).contiguous().numpy()) for one in levels]

    def _decode_singly(self, latents: Tensor) -> Tensor:
        return torch.cat([self.family.decode(latents[n : n + 1]).cpu() for n in range(len(latents))])

    def _decode_alone(self, latents: Tensor) -> Tensor:
        self.family.release("text", "denoiser")
        return self._decode_singly(latents)

    def _decode_tiled(self, latents: Tensor) -> Tensor:
        vae: Any = self.family.part("vae")
        vae.enable_tiling()  # with seams that hardly show: the last resort
        try:
            return self._decode_singly(latents)
        finally:
            vae.disable_tiling()


def _alike(items: list[_Item], family: Family) -> Iterator[list[_Item]]:
    """Items that can be denoised in one batch, in the order of their first member."""
    groups: dict[object, list[_Item]] = {}
    for item in items:
        r = item.request
        groups.setdefault((r.width, r.height, r.steps, r.scheduler, family.is_guided(r.guidance)), []).append(item)
    yield from groups.values()


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(itertools.islice(rest, size)):
        yield some

"""What the training loop and the engine know of a model: the same few verbs for every architecture.

A family holds the parts of one base (text encoders, VAE, denoiser), loads each when first used, and gives
its memory back on `release`. Pixels are floats in 0..1, (N, 3, H, W); latents are what the denoiser sees,
already scaled, (N, C, h, w); `s` is the family's own time, one number a picture.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import torch
from torch import Tensor, nn

from zen_tui.exchange.base_layers import blocks_per_level
from zen_tui.exchange.profiles import PROFILES, Profile, Variant
from zen_tui.exchange.source import Source
from zen_tui.families.adapters import open_adapter
from zen_tui.families.attached import Attached
from zen_tui.families.cond import Cond
from zen_tui.families.embeddings import unread
from zen_tui.families.objective import Objective
from zen_tui.families.offloading import carry
from zen_tui.families.original import empty_model
from zen_tui.families.parts import encoder_dtype, load_part, model_class
from zen_tui.families.storage import KINDS, store
from zen_tui.families.switching import delete_adapters
from zen_tui.families.tokenizers import load_tokenizer
from zen_tui.families.twice import Twice

Part = Literal["text", "vae", "denoiser"]
PARTS: tuple[Part, ...] = ("text", "vae", "denoiser")


class Family(ABC):
    """One base, loaded part by part onto `device`; the denoiser computes in `dtype`.

    The VAE and small text encoders stay in fp32: they run once a caption or a picture, and what they produce
    is cached and must not depend on the precision of a run. Large text encoders compute in bf16.

    Args:
        variant: which of the family's bases it is (`Profile.variants`).
    """

    name: ClassVar[str]
    models: ClassVar[dict[str, str]]
    """The class of each sub-model and tokenizer, by its sub-folder: {'vae': 'diffusers.AutoencoderKL'}."""

    def __init__(self, source: Source, device: torch.device, dtype: torch.dtype, variant: str = "") -> None:
        self.source = source
        self.device = device
        self.dtype = dtype
        self.profile: Profile = PROFILES[self.name]
        self.variant: Variant = self.profile.variant(variant)
        self.licence = self.variant.licence
        self.stored: dict[Part, str] = {}
        """Parts whose matrices are kept as 'int8', 'fp8' or 'nf4', and text encoders that stay on the 'cpu'."""
        self.offload = False
        """Whether the denoiser's blocks stay in the computer's memory, and come to the device to compute."""
        self.held: set[Part] = set()
        """Parts in which something learns: `release` leaves them alone."""
        self._parts: dict[Part, nn.Module] = {}
        self.attached = Attached()

    # what differs between architectures

    @abstractmethod
    def encode(self, prompts: Sequence[str]) -> Cond:
        """The prompts as the denoiser wants them; loads the text encoders."""

    @abstractmethod
    def objective(self, min_snr_gamma: float = 0.0, size: tuple[int, int] | None = None) -> Objective:
        """The noise process the base was trained with, for pictures of `size` pixels (None: the base's own).

        Where times are weighed, `min_snr_gamma` 0 weighs all alike.
        """

    @abstractmethod
    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        """The denoiser's answer in fp32, in the objective's space, same shape as `noisy`.

        Args:
            s: (N,) times.
            size: (width, height) in pixels.
            guidance: (N,), for denoisers that are told it; None while training.
        """

    @abstractmethod
    def scheduler(self, name: str = "default") -> Any:
        """A fresh diffusers scheduler by name (`scheduler_names`). Raises `WrongUse`."""

    @abstractmethod
    def start(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        """Set the times of `scheduler` for a picture of `size` as the library's pipeline does."""

    def time(self, t: Tensor) -> Tensor:
        """A scheduler's time as the family's own."""
        return t

    @property
    def token_limit(self) -> int:
        """How many tokens of a prompt are read, with those of the template."""
        return self.profile.token_limit

    @property
    def overhead(self) -> int:
        """How many of the tokens that are read are not the prompt's."""
        return 2

    @property
    def shrink(self) -> int:
        """How many pixels make one latent, along each side."""
        return int(2 ** (len(self.config(self.profile.vae)["block_out_channels"]) - 1))

    @property
    def channels(self) -> int:
        """How many numbers make one latent."""
        return int(self.config(self.profile.vae)["latent_channels"])

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """(channels, rows, columns) of the latents of a picture."""
        return self.channels, height // self.shrink, width // self.shrink

    @torch.no_grad()
    def latents(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Pixels to latents: the mean of the posterior, or a draw from it with `generator`; loads the VAE."""
        vae: Any = self.part("vae")
        posterior = vae.encode(pixels.to(self.device, torch.float32) * 2 - 1).latent_dist
        latents: Tensor = posterior.mode() if generator is None else posterior.sample(generator)
        shifted: Tensor = latents - (vae.config.get("shift_factor") or 0.0)
        return shifted * float(vae.config.scaling_factor)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels in 0..1; loads the VAE."""
        vae: Any = self.part("vae")
        raw = latents.to(self.device, torch.float32) / vae.config.scaling_factor
        pixels: Tensor = vae.decode(raw + (vae.config.get("shift_factor") or 0.0)).sample
        return (pixels / 2 + 0.5).clamp(0, 1)

    def is_guided(self, guidance: float) -> bool:
        """Whether `guidance` takes a second answer, to the negative prompt; 1 and less means the prompt alone."""
        return guidance > 1

    def guide(self, without: Tensor, with_prompt: Tensor, guidance: Tensor) -> Tensor:
        """One answer from two; `guidance` is (N, 1, 1, 1). Classifier-free guidance (Ho & Salimans 2022)."""
        return without + guidance * (with_prompt - without)

    def clean(self, scheduler: Any, result: Any, noisy: Tensor, answer: Tensor, s: Tensor) -> Tensor:
        """What the model thinks the finished latents are, after a step of `scheduler`."""
        guess = getattr(result, "pred_original_sample", None)
        if guess is None:  # schedulers keep it in different places
            guess = (getattr(scheduler, "model_outputs", None) or [None])[-1]
        clean: Tensor = result.prev_sample if guess is None else guess
        return clean

    # what is the same for all

    @property
    def targets(self) -> dict[str, str]:
        """Which layers a LoRA learns, as one PEFT regex a preset; keys 'attn', 'attn+mlp', 'all'."""
        return self.profile.targets

    @property
    def multiple(self) -> int:
        """Widths and heights must be multiples of this many pixels."""
        return self.shrink * self.profile.patch

    def cut_text(self, prompt: str) -> str:
        """The end of `prompt` that the text encoder does not read; '' when it reads it all."""
        return unread(self.tokenizers[-1], prompt, self.token_limit - self.overhead)

    @property
    def tokenizers(self) -> list[Any]:
        """The tokenizers, in the order of the profile; they know the words of embeddings that act."""
        subs = self.profile.text_encoders
        return [self.attached.tokenizer(sub, own) for sub, own in zip(subs, self._own_tokenizers, strict=True)]

    @cached_property
    def _own_tokenizers(self) -> list[Any]:
        return [
            load_tokenizer(self.source.folder(sub), model_class(self.models[sub]))
            for sub in self.profile.tokenizers
        ]

    def config(self, sub: str) -> dict[str, Any]:
        """The settings of a sub-model, as its config.json has them."""
        file = self.source.parts[sub].config / "config.json"
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])

    @cached_property
    def index(self) -> dict[str, Any]:
        """What the base's model_index.json says; empty where there is none."""
        file = self.source.configs / "model_index.json"
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any]) if file.is_file() else {}

    def attach(self, path: Path, name: str) -> int:
        """Take up an adapter file under `name`; it acts once `set_adapters` names it. Nothing is loaded for it.

        Returns how many layers it changes, or how many vectors the word of an embedding has.

        Raises:
            BadFile: damaged, or something in it, which is named, finds no place in this base.
            Refused: a hypernetwork that computes with what Zen does not know.
        """
        adapter = open_adapter(path, depth=blocks_per_level(self.source))
        models: dict[str, nn.Module] = {}
        for part in PARTS:
            if any(adapter.touches(sub) for sub in self._subs(part)):
                models |= self._models(part) if part in self._parts else self._outlines(part)
        count = adapter.check(models)
        try:
            for part in self._parts:
                for sub, model in self._models(part).items():
                    adapter.hang(sub, model, name)
        except Exception:
            self.release("denoiser", "text")  # half an adapter may hang on them
            raise
        self.attached.add(name, adapter)
        for part in self._parts:
            self._activate(part)  # a freshly loaded adapter must not act before it is named
        return count

    def part(self, part: Part) -> nn.Module:
        """The text encoders, VAE or denoiser, loaded if it is not."""
        if part not in self._parts:
            self._parts[part] = self._load(part)
            self.attached.hang(self._models(part))
            self._activate(part)
        return self._parts[part]

    def denoiser(self) -> nn.Module:
        return self.part("denoiser")

    @property
    def text_device(self) -> torch.device:
        """Where the text encoders compute."""
        return torch.device("cpu") if self.stored.get("text") == "cpu" else self.device

    def compute_twice(self, share: float = 1.0) -> None:
        """Let the denoiser keep few activations of a step, and compute the others again for its gradients.

        Args:
            share: of the blocks that do so, spread evenly over the denoiser.
        """
        denoiser: Any = self.denoiser()
        denoiser.enable_gradient_checkpointing(Twice(share))

    def encoders(self) -> list[Any]:
        """The text encoders, in the order of the profile."""
        return list(self._models("text").values())

    def loaded(self) -> set[Part]:
        """Which parts are in memory."""
        return set(self._parts)

    def release(self, *parts: Part) -> None:
        """Give the memory of these parts back; they are loaded again when next used."""
        if not [part for part in {*parts} - self.held if self._parts.pop(part, None) is not None]:
            return
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def replace_denoiser(self, module: nn.Module) -> None:
        """Let `module` answer for the denoiser, and hold it."""
        self._parts["denoiser"] = module
        self.held.add("denoiser")

    def set_adapters(self, use: Sequence[tuple[str, float]]) -> None:
        """Make exactly these attached adapters act, each at its weight; weight 0 is as if it were not there.

        The weight multiplies the changes of a LoRA, the vectors of an embedding's word, and what a hypernetwork
        adds. Raises `WrongUse` when two embeddings share a word.
        """
        self.attached.choose(use)
        for part in self._parts:
            self._activate(part)

    @property
    def reading(self) -> tuple[tuple[str, int, int, float], ...]:
        """What acts on the text encoders, by file and weight: where it differs, so do encoded prompts."""
        return self.attached.touching(self.profile.text_encoders)

    def detach(self) -> None:
        """Forget every adapter."""
        self.attached.clear()
        for part in self._parts:
            for model in self._models(part).values():
                delete_adapters(model)
            self._activate(part)

    def autocast(self) -> torch.autocast:
        """The context in which the denoiser computes; adapters in fp32 meet a base in `dtype` here."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _load(self, part: Part) -> nn.Module:
        """Read one part from disk onto the device, frozen and in evaluation mode."""
        if part == "text":
            subs = self.profile.text_encoders
            present = [sub for sub in subs if sub in self.source.parts]
            models = {sub: self._load_model(sub, part, encoder_dtype(self.source.parts[sub])) for sub in present}
            return nn.ModuleDict(models).eval()
        if part == "vae":
            return self._load_model(self.profile.vae, part, torch.float32)
        return self._load_model(self.profile.denoiser, part, self.dtype)

    def _load_model(self, sub: str, part: Part, dtype: torch.dtype) -> nn.Module:
        model = load_part(self.source, sub, model_class(self.models[sub]), dtype)
        if self.stored.get(part) in KINDS:
            store(model, self.stored[part])
        if part == "denoiser" and self.offload:
            return model
        return model.to(self.text_device if part == "text" else self.device)

    def _models(self, part: Part) -> dict[str, nn.Module]:
        """The models of a part by the prefix of their keys in adapter files."""
        module = self.part(part)
        if part == "text":
            return dict(module.items()) if isinstance(module, nn.ModuleDict) else {}
        return {self.profile.denoiser if part == "denoiser" else self.profile.vae: module}

    def _subs(self, part: Part) -> tuple[str, ...]:
        """The sub-folders of the models of a part."""
        profile = self.profile
        return {"text": profile.text_encoders, "vae": (profile.vae,), "denoiser": (profile.denoiser,)}[part]

    def _outlines(self, part: Part) -> dict[str, nn.Module]:
        """`_models` of a part that is not loaded: names and shapes alone, which take no memory."""
        present = [sub for sub in self._subs(part) if sub in self.source.parts]
        return {sub: empty_model(model_class(self.models[sub]), self.config(sub)) for sub in present}

    def _activate(self, part: Part) -> None:
        if part == "denoiser" and self.offload:
            carry(self._parts[part], self.device)
        if part == "text":
            self.attached.act_on_text(self._models(part))
        elif part == "denoiser":
            self.attached.act_on_denoiser(self._parts[part])

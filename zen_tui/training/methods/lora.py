"""LoRA: small matrices beside the denoiser's layers learn; the base stays as it is (Hu et al. 2021).

Its kinds: scaled by the root of the rank (Kalajdzievski 2023), with the length of each row of the changed weight
apart (DoRA, Liu et al. 2024), and a Kronecker product in place of two factors (LoKr, Yeh et al. 2023). LoRA+ lets
the second matrix learn faster (Hayou et al. 2024).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoKrConfig, LoraConfig
from peft.helpers import disable_input_dtype_casting
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from zen_tui.exchange.base_layers import blocks_per_level
from zen_tui.families import lora_file
from zen_tui.families.base import Family
from zen_tui.families.changes import Change
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.methods.method import Group, Method, Subject
from zen_tui.training.methods.outline import KINDS, strength_of

ADAPTER = "zen"


class Lora(Method):
    """A fresh LoRA on the denoiser of `family`, ready to learn; its numbers are fp32 in any precision."""

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        self.denoiser = cast(Any, family.denoiser())
        torch.manual_seed(chance.number(settings.seed, "init"))  # PEFT draws from the global generator
        self.denoiser.add_adapter(_config(settings, family.targets[targets]), adapter_name=ADAPTER)
        family.set_adapters([(ADAPTER, 1.0)])
        named = [(name, p) for name, p in self.denoiser.named_parameters() if p.requires_grad]
        for _, parameter in named:
            parameter.data = parameter.data.to(torch.float32)
        self._first: list[nn.Parameter] = [parameter for name, parameter in named if ".lora_B." not in name]
        self._second: list[nn.Parameter] = [parameter for name, parameter in named if ".lora_B." in name]
        self.layers = len(self._layers())

    def _layers(self) -> dict[str, Any]:
        """The layers that learn, by name."""
        modules = self.denoiser.named_modules()
        return {name: module for name, module in modules if isinstance(module, BaseTunerLayer)}

    @property
    def groups(self) -> list[Group]:
        second = Group(self._second, self.settings.lora_plus)
        return [Group(self._first), *([second] if self._second else [])]

    @property
    def strength(self) -> float:
        return strength_of(self.settings)

    def describe(self) -> str:
        return f"{KINDS[self.settings.lora]} of rank {self.settings.rank} in {self.layers} layers"

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        """To be held while the denoiser runs: keeps PEFT from widening activations that autocast narrows again."""
        if self.family.dtype == torch.float32:
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any] = disable_input_dtype_casting(self.denoiser)
        return context

    @contextlib.contextmanager
    def base_alone(self) -> Iterator[None]:
        """Within, the denoiser computes as if it had no LoRA."""
        self.denoiser.disable_adapters()
        try:
            yield
        finally:
            self.denoiser.enable_adapters()

    def state(self) -> dict[str, Tensor]:
        """What was learned, by PEFT key."""
        return dict(get_peft_model_state_dict(self.denoiser, adapter_name=ADAPTER))

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave. Raises `ZenError` unless it fits exactly."""
        self.require_shapes(state)
        set_peft_model_state_dict(self.denoiser, dict(state), adapter_name=ADAPTER)

    def save(self, path: Path) -> Path:
        config = self.denoiser.peft_config[ADAPTER].to_dict()
        if self.settings.lora == "rslora":  # no other tool need know of the root: it is in alpha
            config |= {"use_rslora": False, "lora_alpha": self.strength * self.settings.rank}
        family = self.family
        parts = {family.profile.denoiser: (self.state(), config)}
        lora_file.write(path, parts, self.subject.trigger, family.profile.modelspec, family.licence)
        try:
            same = self._is_in(path)
        except BadFile:
            same = False
        if not same:
            path.unlink(missing_ok=True)
            raise ZenError("The adapter could not be read back as it was written.", "The last checkpoint is kept.")
        return path

    def _is_in(self, path: Path) -> bool:
        """Whether the file changes exactly the layers that learned, by exactly what they learned."""
        file = lora_file.read(path, depth=blocks_per_level(self.family.source))
        lora_file.check(file, {self.family.profile.denoiser: self.denoiser})
        found, layers = {change.layer: change for change in file.changes}, self._layers()
        return found.keys() == layers.keys() and all(_same(found[name], layers[name]) for name in layers)


def _config(settings: TrainSettings, layers: str) -> LoraConfig | LoKrConfig:
    if settings.lora == "lokr":
        return LoKrConfig(
            r=settings.rank, alpha=settings.alpha, rank_dropout=settings.dropout, target_modules=layers
        )
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=layers,
        init_lora_weights="gaussian",
        use_rslora=settings.lora == "rslora",
        use_dora=settings.lora == "dora",
    )


def _same(change: Change, layer: Any) -> bool:
    """Whether `change` is what `layer` learned, to the bit but for the rounding of its scale."""

    def own(name: str) -> Tensor | None:
        held = getattr(layer, name, {})
        if ADAPTER not in held:
            return None
        tensor: Tensor = getattr(held[ADAPTER], "weight", held[ADAPTER])
        return tensor.detach().float().cpu()

    scale = float(layer.scaling[ADAPTER])
    if change.mix is None:
        exact = [(change.up, "lora_B"), (change.down, "lora_A"), (change.magnitude, "lora_magnitude_vector")]
        return math.isclose(change.scale, scale, rel_tol=1e-6) and all(
            _equal(tensor, own(name)) for tensor, name in exact
        )
    whole, a, b = own("lokr_w2"), own("lokr_w2_a"), own("lokr_w2_b")
    second = whole if a is None or b is None else a @ b
    if second is None or not _equal(change.mix, own("lokr_w1")):
        return False
    return torch.allclose(change.up.flatten() * change.scale, second.flatten() * scale, rtol=1e-6, atol=0)


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one.flatten(), other.flatten())

"""LoRA: small matrices beside the denoiser's layers learn; the base stays as it is (Hu et al. 2021).

Its kinds: scaled by the root of the rank (Kalajdzievski 2023), with the length of each row of the changed weight
apart (DoRA, Liu et al. 2024), and a Kronecker product in place of two factors (LoKr, Yeh et al. 2023). LoRA+ lets
the second matrix learn faster (Hayou et al. 2024). CLIP can learn beside the denoiser, in its attention.
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
from zen_tui.exchange.layers import TEXT_TARGETS
from zen_tui.families import lora_file
from zen_tui.families.base import Family
from zen_tui.families.changes import Change
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.methods.method import Group, Subject, proven
from zen_tui.training.methods.outline import KINDS, strength_of
from zen_tui.training.methods.reading import Reading

ADAPTER = "zen"
SECOND = ".lora_B."


class Lora(Reading):
    """A fresh LoRA on `family`, ready to learn; its numbers are fp32 in any precision.

    Dropout acts in the denoiser alone: text encoders compute as they do when pictures are drawn.
    """

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        self.denoiser = cast(Any, family.denoiser())
        self._models: dict[str, Any] = {family.profile.denoiser: self.denoiser}  # that learn, by sub-folder
        if settings.text_encoder_lr:
            self._models |= zip(family.profile.text_encoders, family.encoders(), strict=True)
        torch.manual_seed(chance.number(settings.seed, "init"))  # PEFT draws from the global generator
        for model in self._models.values():
            layers = family.targets[targets] if model is self.denoiser else TEXT_TARGETS
            model.add_adapter(_config(settings, layers), adapter_name=ADAPTER)
        family.set_adapters([(ADAPTER, 1.0)])
        self._named = {sub: _learning(model) for sub, model in self._models.items()}

    @property
    def reads(self) -> bool:
        return bool(self.settings.text_encoder_lr)

    @property
    def groups(self) -> list[Group]:
        own, *texts = self._named.values()
        first = [parameter for name, parameter in own.items() if SECOND not in name]
        second = [parameter for name, parameter in own.items() if SECOND in name]
        read = [parameter for named in texts for parameter in named.values()]
        scale, until = self.settings.text_encoder_lr, self.settings.text_encoder_until
        return [
            Group(first),
            *([Group(second, self.settings.lora_plus)] if second else []),
            *([Group(read, scale, until)] if read else []),
        ]

    @property
    def ungrouped(self) -> list[nn.Parameter]:
        return [parameter for named in self._named.values() for parameter in named.values()]

    @property
    def strength(self) -> float:
        return strength_of(self.settings)

    def describe(self) -> str:
        own, *texts = (len(_layers(model)) for model in self._models.values())
        words = f"{KINDS[self.settings.lora]} of rank {self.settings.rank} in {own} layers"
        return f"{words}, and in {sum(texts)} of the text" if texts else words

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        """To be held while the denoiser runs: keeps PEFT from widening activations that autocast narrows again."""
        if self.family.dtype == torch.float32:
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any] = disable_input_dtype_casting(self.denoiser)
        return context

    @contextlib.contextmanager
    def base_alone(self) -> Iterator[None]:
        """Within, everything computes as if there were no LoRA."""
        with super().base_alone():
            for model in self._models.values():
                model.disable_adapters()
            try:
                yield
            finally:
                for model in self._models.values():
                    model.enable_adapters()

    def state(self) -> dict[str, Tensor]:
        """What was learned, by PEFT key; those of text encoders begin with its sub-folder."""
        return {self._key(sub, key): t for sub in self._models for key, t in self._learned(sub).items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave. Raises `ZenError` unless it fits exactly."""
        self.require_shapes(state)
        for sub, model in self._models.items():
            own = {key: state[self._key(sub, key)] for key in self._learned(sub)}
            set_peft_model_state_dict(model, own, adapter_name=ADAPTER)

    def _learned(self, sub: str) -> dict[str, Tensor]:
        model = self._models[sub]
        return dict(get_peft_model_state_dict(model, adapter_name=ADAPTER, save_embedding_layers=False))

    def _key(self, sub: str, key: str) -> str:
        return key if sub == self.family.profile.denoiser else f"{sub}.{key}"

    def save(self, path: Path) -> Path:
        family = self.family
        parts = {sub: (self._learned(sub), self._saved_config(sub)) for sub in self._models}
        architecture = family.profile.modelspec
        lora_file.write(path, parts, self.subject.trigger, architecture, family.licence, self._beside())
        return proven(path, self._is_in)

    def _beside(self) -> dict[str, Tensor]:
        """What else its file holds."""
        return {}

    def _saved_config(self, sub: str) -> dict[str, Any]:
        """PEFT's configuration as others read it: without the folder of the base on this computer."""
        config = {**self._models[sub].peft_config[ADAPTER].to_dict(), "base_model_name_or_path": None}
        if self.settings.lora == "rslora":  # no other tool need know of the root: it is in alpha
            config |= {"use_rslora": False, "lora_alpha": self.strength * self.settings.rank}
        return config

    def _is_in(self, path: Path) -> bool:
        """Whether the file changes exactly the layers that learned, by exactly what they learned."""
        file = lora_file.read(path, depth=blocks_per_level(self.family.source))
        lora_file.check(file, self._models)
        found = {(change.part, change.layer): change for change in file.changes}
        mine = {
            (sub, name): layer for sub, model in self._models.items() for name, layer in _layers(model).items()
        }
        return found.keys() == mine.keys() and all(_same(found[where], mine[where]) for where in mine)


def _learning(model: Any) -> dict[str, nn.Parameter]:
    """What learns in a model, by name, in fp32."""
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    for parameter in named.values():
        parameter.data = parameter.data.to(torch.float32)
    return named


def _layers(model: Any) -> dict[str, Any]:
    """The layers that learn, by the name that files use."""
    modules = model.named_modules()
    return {
        name.removeprefix("text_model."): module for name, module in modules if isinstance(module, BaseTunerLayer)
    }


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

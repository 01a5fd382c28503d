"""LoRA: small matrices beside the denoiser's layers learn; the base stays as it is (Hu et al. 2021)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig
from peft.helpers import disable_input_dtype_casting
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from zen_tui.families.base import Family
from zen_tui.library.errors import ZenError
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.methods.method import Group, Method, Subject

ADAPTER = "zen"


class Lora(Method):
    """A fresh LoRA on the denoiser of `family`, ready to learn; its numbers are fp32 in any precision."""

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        self.denoiser = cast(Any, family.denoiser())
        torch.manual_seed(chance.number(settings.seed, "init"))  # PEFT draws from the global generator
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules=family.targets[targets],
            init_lora_weights="gaussian",
        )
        self.denoiser.add_adapter(config, adapter_name=ADAPTER)
        family.set_adapters([(ADAPTER, 1.0)])
        self._learning: list[nn.Parameter] = [p for p in self.denoiser.parameters() if p.requires_grad]
        for parameter in self._learning:
            parameter.data = parameter.data.to(torch.float32)
        self.layers = sum(ADAPTER in getattr(layer, "lora_A", ()) for layer in self.denoiser.modules())

    @property
    def groups(self) -> list[Group]:
        return [Group(self._learning)]

    @property
    def strength(self) -> float:
        return self.settings.alpha / self.settings.rank

    def describe(self) -> str:
        return f"LoRA of rank {self.settings.rank} in {self.layers} layers"

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
        mine = self.state()
        if {key: t.shape for key, t in mine.items()} != {key: t.shape for key, t in state.items()}:
            raise ZenError("The checkpoint does not fit the settings of this run.", "Start a new run.")
        set_peft_model_state_dict(self.denoiser, dict(state), adapter_name=ADAPTER)

    def save(self, path: Path) -> Path:
        config = self.denoiser.peft_config[ADAPTER].to_dict()
        self.family.save_adapter(path, self.state(), config, self.subject.trigger)
        name = "read-back"
        count = self.family.attach(path, name)
        self.family.set_adapters([(name, 1.0)])
        again = get_peft_model_state_dict(self.denoiser, adapter_name=name)  # in the precision of the base
        self.family.set_adapters([(ADAPTER, 1.0)])
        same = all(torch.equal(tensor.to(again[key].dtype), again[key]) for key, tensor in self.state().items())
        if count != self.layers or not same:
            path.unlink(missing_ok=True)
            raise ZenError("The adapter could not be read back as it was written.", "The last checkpoint is kept.")
        return path

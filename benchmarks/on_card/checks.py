"""What is tried in one process under the offline lock: `python -m benchmarks.on_card.checks OUT SECONDS [...]`."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from zen_tui.library.paths import Home
from zen_tui.privacy import environment, lock

HOME = Home.find()
environment.prepare_worker(HOME)
LOCKED = lock.engage()  # before torch is imported, as the worker does it

import torch  # noqa: E402

from benchmarks.on_card import resuming, running_out  # noqa: E402
from benchmarks.on_card.models import Model  # noqa: E402
from benchmarks.on_card.rows import Book, Row  # noqa: E402
from benchmarks.on_card.steps import (  # noqa: E402
    GIB,
    Bench,
    Case,
    free_memory,
    let_go,
    material_for,
    method_for,
    peak,
    settings_for,
    steps_of,
    train,
)
from zen_tui.generation.fit import has_bitsandbytes  # noqa: E402
from zen_tui.privacy.probe import probe  # noqa: E402

ROUNDS = 3  # answers of the denoiser that are timed
ALIKE = 0.02  # largest difference, of the largest number, that blocks brought one after another may make


class Checks:
    """The checks by name, on the card or, `tiny`, with small models on the CPU."""

    def __init__(self, out: Path, *, tiny: bool) -> None:
        self.tiny = tiny
        self.device = torch.device("cpu" if tiny else "cuda")
        self.dtype = torch.float32 if tiny else torch.bfloat16
        self.steps = 2 if tiny else 8
        self.sizes = (64, 128) if tiny else (512, 1024)
        self.bench = Bench.open(HOME.root / "bench", self.device)
        self.all: dict[str, Callable[[], Iterator[Row]]] = {
            "lock": self.lock,
            "steps": self.plain_steps,
            "stored": self.stored_steps,
            "fp16": self.half,
            "resume": self.resume,
            "offload": self.offload,
            "ladder": self.ladder,
        }

    def model(self, name: str) -> Model:
        return Model(name, self.tiny)

    def lock(self) -> Iterator[Row]:
        """The device works, and the kernel refuses sockets when it has started."""
        started = time.perf_counter()
        numbers = torch.randn(256, 256, device=self.device)
        answer = float((numbers @ numbers.T).trace() / numbers.square().sum())
        took = round(time.perf_counter() - started, 2)
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
            refused = False
        except PermissionError:
            refused = True
        after = probe()
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else "CPU"
        wrong = "" if refused and after.level == "kernel" else f"The lock does not hold: {after.text}"
        if abs(answer - 1) > 0.05:
            wrong = f"The device computes wrongly: {answer} instead of 1"
        facts = {
            "lock": after.level,
            "landlock": after.landlock,
            "started in s": took,
            "torch": str(torch.__version__),
        }
        yield Row("lock", name, {**facts, "lock before": LOCKED.level}, wrong)

    def plain_steps(self) -> Iterator[Row]:
        """Steps of every model as they come, at two sizes, without and with computing activations twice."""
        small, large = self.sizes
        for name in ("sdxl", "flux2-klein-4b", "z-image"):
            cases: list[Case] = [(small, 1, 0.0), (small, 2, 0.0), (large, 1, 0.0), (large, 1, 0.5)]
            cases += [(small, 1, 1.0), (large, 1, 1.0)]
            if name == "flux2-klein-4b":
                cases.append((large, 4, 1.0))
            yield from self._steps("steps", self.model(name), "", cases)

    def stored_steps(self) -> Iterator[Row]:
        """The same with the base in int8 and fp8, and in NF4 where that can be had."""
        small, large = self.sizes
        cases: list[Case] = [(small, 1, 0.0), (large, 1, 1.0)]
        for name, stored in (("flux2-klein-4b", "int8"), ("flux2-klein-4b", "fp8"), ("z-image", "int8")):
            yield from self._steps("stored", self.model(name), stored, cases)
        if has_bitsandbytes() and not self.tiny:
            yield from self._steps("stored", self.model("flux2-klein-4b"), "nf4", cases)
        else:
            yield Row("stored", "nf4", {"left out": "bitsandbytes is not installed"})

    def half(self) -> Iterator[Row]:
        """fp16, whose gradients are scaled: steps are made, what is learned moves, and the scale settles."""
        dtype = torch.bfloat16 if self.tiny else torch.float16
        model, settings = self.model("sdxl"), settings_for(self.steps + 4, resolution=self.sizes[0])
        family, _ = model.open(self.device, dtype)
        method = method_for(family, settings)
        before = {name: tensor.clone() for name, tensor in method.state().items()}
        course, state = train(self.bench, model, family, method, settings)
        moved = sum(int(not torch.equal(before[name], now)) for name, now in method.state().items())
        assert state is not None
        scaler = state.course.scaler
        facts = {"s/step": round(course.seconds_per_step, 4), "loss": round(course.losses[-1], 4), "moved": moved}
        wrong = "" if moved == len(before) else f"only {moved} of {len(before)} tensors learned anything"
        if not self.tiny and not scaler:
            wrong = "the gradients were not scaled"
        yield Row("fp16", f"{model.name} {self.sizes[0]} px", {**facts, "scale": scaler.get("scale")}, wrong)
        let_go(family)

    def resume(self) -> Iterator[Row]:
        """A run that was stopped against two that were not: what is the same to the bit."""
        for name, twice in (("sdxl", False), ("flux2-klein-4b", True)):
            yield resuming.compare(self.bench, self.model(name), self.dtype, self.sizes[0], 6, twice=twice)

    def ladder(self) -> Iterator[Row]:
        """A run whose memory is taken away half way goes on with less, from where it was."""
        yield running_out.go_on(
            self.bench, self.model("sdxl"), HOME.root.parent / "sdxl", self.sizes[0], tiny=self.tiny
        )

    def offload(self) -> Iterator[Row]:
        """Answers of the denoiser as when drawing: in memory, in int8, and with its blocks brought one by one."""
        model, pixels = self.model("z-image"), self.sizes[1]
        wanted: torch.Tensor | None = None
        for how in ("whole", "int8", "offload"):
            family, _ = model.open(self.device, self.dtype, how if how == "int8" else "")
            if how == "offload":
                family.denoiser().to("cpu")
                family.offload = True
                family.set_adapters([])  # lets the blocks be carried
            free_memory(self.device)
            material = material_for(model, family, pixels)
            noisy = material.clean([0], [0]).to(self.device)
            times = torch.tensor([0.5], device=self.device)
            took: list[float] = []
            with torch.no_grad():
                for _ in range(ROUNDS + 1):
                    started = time.perf_counter()
                    answer = family.predict(noisy, times, material.captions[[0]], (pixels, pixels)).cpu()
                    took.append(time.perf_counter() - started)
            most, _ = peak(self.device)
            wrong = "" if torch.isfinite(answer).all() else "the answer has numbers that are none"
            difference = None
            if how == "whole":
                wanted = answer
            elif wanted is not None:
                difference = float((answer - wanted).abs().max() / wanted.abs().max())
                if how == "offload" and difference > ALIKE:
                    wrong = "the blocks answer something else when they are brought one by one"
            facts = {"s/answer": round(min(took[1:]), 4), "tensors": round(most / GIB, 2) or None}
            yield Row("offload", f"{model.name} {pixels} px {how}", {**facts, "differs by": difference}, wrong)
            let_go(family)
            del family

    def _steps(self, check: str, model: Model, stored: str, cases: list[Case]) -> Iterator[Row]:
        for case, found in steps_of(self.bench, model, self.dtype, stored, cases, self.steps):
            yield Row(check, case, found)


def main() -> None:
    out, seconds, wanted = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")
    checks = Checks(out, tiny="tiny" in sys.argv[4:])
    book = Book(out, seconds)
    for name in wanted:
        book.attempt(name, "", checks.all[name])


if __name__ == "__main__":
    os.chdir(HOME.root)
    main()

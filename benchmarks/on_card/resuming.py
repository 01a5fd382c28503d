"""Whether a run that was stopped and taken up again ends where one that was not ends."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.on_card.models import Model
from benchmarks.on_card.rows import Figure, Row
from benchmarks.on_card.steps import Bench, Watch, let_go, material_for, method_for, settings_for
from zen_tui.library.events import Interrupted
from zen_tui.training.checkpoints import Checkpoints
from zen_tui.training.loop import Work, learn

SLACK = 10  # a run that was taken up again may differ by so many times what two whole runs differ by


def compare(bench: Bench, model: Model, dtype: torch.dtype, pixels: int, steps: int, *, twice: bool) -> Row:
    """Two whole runs, and one that was stopped half way and taken up by a model that was loaded anew."""

    def attempt(run: int, stop_after: int = 0) -> tuple[dict[str, Tensor], dict[int, float]]:
        settings = settings_for(steps, resolution=pixels, learning_rate=1e-3, dropout=0.1, caption_dropout=0.3)
        family, _ = model.open(bench.device, dtype)
        method = method_for(family, settings)
        if twice:
            family.compute_twice()
        watch = Watch(stop_after)
        kept = bench.checkpoints(Checkpoints, run, watch)
        material = material_for(model, family, pixels)
        try:
            learn(Work(settings, family, method, material, kept, watch, lambda step, again: None))
        except Interrupted:
            assert stop_after
        learned = {name: tensor.detach().cpu().clone() for name, tensor in method.state().items()}
        let_go(family)
        return learned, watch.losses

    first, losses = attempt(bench.run())
    second, again = attempt(bench.run())
    run = bench.run()
    _, before = attempt(run, steps // 2)
    third, after = attempt(run)
    whole, stopped = apart(first, second), apart(first, third)
    same = stopped == 0 and losses == {**before, **after}
    wrong = ""
    if sorted(after) != list(range(steps // 2 + 1, steps + 1)):
        wrong = f"it was taken up at step {min(after, default=0)} and not at {steps // 2 + 1}"
    elif (whole == 0 and not same) or stopped > SLACK * whole:
        wrong = "taking it up again changes what is learned"
    facts: dict[str, Figure] = {
        "two runs alike": whole == 0 and losses == again,
        "stopped one alike": same,
        "two differ by": whole,
        "stopped differs by": stopped,
    }
    return Row("resume", f"{model.name} {pixels} px{', twice' if twice else ''}", facts, wrong)


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest difference of any number that was learned."""
    return max(float((tensor - other[name]).abs().max()) for name, tensor in one.items())

"""Samplers by the names people know them by, built from a base's own scheduler settings."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import diffusers
import msgspec
import numpy as np
import torch

from zen_tui.exchange.scheduler_names import DIFFUSION, FLOW, require_scheduler

_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpm++2m-karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "unipc": ("UniPCMultistepScheduler", {}),
}


def settings(folder: Path) -> dict[str, Any]:
    """What `folder`/scheduler_config.json says."""
    return msgspec.json.decode((folder / "scheduler_config.json").read_bytes(), type=dict[str, Any])


def build(folder: Path, name: str) -> Any:
    """The scheduler `name` with the noise schedule in `folder`/scheduler_config.json.

    'default' is the class the base names itself, or DPM++ 2M where that class needs several runs of the
    denoiser to start (PNDM).

    Raises:
        WrongUse: there is no scheduler of that name.
    """
    config = settings(folder)
    if name == "default":
        kind = str(config.get("_class_name", ""))
        if kind != "PNDMScheduler" and hasattr(diffusers, kind):
            return getattr(diffusers, kind).from_config(config)
        name = "dpm++2m"
    require_scheduler(name, DIFFUSION)
    kind, changed = _KINDS[name]
    return getattr(diffusers, kind).from_config(config, **changed)


def build_flow(folder: Path, name: str) -> Any:
    """The scheduler `name` of a flow; 'default' is Euler's method, as all of them were made for.

    Raises:
        WrongUse: there is no scheduler of that name for such a base.
    """
    require_scheduler(name, FLOW)
    config = settings(folder)
    if name in ("default", "euler"):
        return diffusers.FlowMatchEulerDiscreteScheduler.from_config(config)
    kind, changed = _KINDS[name]
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": config.get("shift", 1.0)}
    return getattr(diffusers, kind).from_config(config, **changed, **flow)


def start_flow(scheduler: Any, steps: int, mu: float, device: torch.device, *, own_sigmas: bool) -> None:
    """Set the times of a flow's `scheduler`, shifted by `mu` where the base's own settings say that they are.

    They are even from 1 to 1/steps, unless the scheduler takes none, or has its own and `own_sigmas` lets it.
    """
    takes = "sigmas" in inspect.signature(scheduler.set_timesteps).parameters
    if takes and not (own_sigmas and scheduler.config.get("use_flow_sigmas")):
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), device=device, mu=mu)
    else:
        shifted = {"mu": mu} if scheduler.config.use_dynamic_shifting else {}
        scheduler.set_timesteps(steps, device=device, **shifted)
    scheduler.set_begin_index(0)

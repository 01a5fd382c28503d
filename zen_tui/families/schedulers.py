"""Samplers by the names people know them by, built from a base's own scheduler settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import msgspec

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
    """The scheduler `name` of a flow, which is Euler's method by any name.

    Raises:
        WrongUse: there is no scheduler of that name for such a base.
    """
    require_scheduler(name, FLOW)
    return diffusers.FlowMatchEulerDiscreteScheduler.from_config(settings(folder))

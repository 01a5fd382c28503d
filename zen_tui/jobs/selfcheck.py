"""`python -m zen_tui.jobs.selfcheck`: lock, import torch, take one small training step, say what happened.

Run in a short-lived process by `zen doctor`, because only a real step tells whether a GPU works under the
offline lock (`nvidia-smi` does not).
"""

from __future__ import annotations

import sys
from typing import Any


def selfcheck() -> dict[str, Any]:
    """Torch's version, the device that a worker would use, its memory in bytes, and how a step went."""
    from zen_tui.library.paths import Home
    from zen_tui.privacy.environment import prepare, prepare_worker
    from zen_tui.privacy.lock import engage
    from zen_tui.privacy.probe import probe

    prepare()
    prepare_worker(Home.find().create())
    engage()
    lock = probe()
    import torch

    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    weight = torch.ones(64, 64, device=device, requires_grad=True)
    (weight @ weight).sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    return {
        "torch": str(torch.__version__),
        "device": device.type,
        "name": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "memory": torch.cuda.get_device_properties(0).total_memory if cuda else None,
        "bf16": bool(torch.cuda.is_bf16_supported() if cuda else torch.cpu._is_avx512_bf16_supported()),
        "step": bool(torch.isfinite(weight.grad).all()),
        "lock": lock,
    }


if __name__ == "__main__":
    import msgspec

    sys.stdout.write(msgspec.json.encode(selfcheck()).decode() + "\n")

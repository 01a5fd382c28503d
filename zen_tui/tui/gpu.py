"""GPU memory in use, asked of the driver without loading torch; None where there is no NVIDIA GPU."""

from __future__ import annotations


def memory() -> tuple[int, int] | None:
    """Bytes (used, total) of the first GPU. Takes milliseconds, the first time more: call it in a thread."""
    try:
        import pynvml

        pynvml.nvmlInit()
        held = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0))
    except Exception:  # no driver, no GPU, or a driver that fails in a way of its own: nothing to show
        return None
    return int(held.used), int(held.total)

"""Whether the numbers in a safetensors file are numbers: infinities and NaNs are found by their bits."""

from __future__ import annotations

from pathlib import Path

from zen_tui.exchange.safetensors_header import Header

_EXPONENT = {  # by type: bytes a number, and the bits that are all set in what is not finite (IEEE 754)
    "F64": (8, 0x7FF0000000000000),
    "F32": (4, 0x7F800000),
    "F16": (2, 0x7C00),
    "BF16": (2, 0x7F80),
}


def not_finite(path: Path, header: Header) -> list[str]:
    """The keys of tensors in the file at `path` that hold an infinity or a NaN."""
    import numpy as np

    with open(path, "rb") as file:
        start = int.from_bytes(file.read(8), "little") + 8
    data = np.memmap(path, np.uint8, "r")
    found = []
    for key, tensor in header.tensors.items():
        if tensor.dtype not in _EXPONENT:
            continue
        size, mask = _EXPONENT[tensor.dtype]
        first, last = tensor.data_offsets
        numbers = np.frombuffer(data[start + first : start + last].tobytes(), f"<u{size}")
        if bool(((numbers & mask) == mask).any()):
            found.append(key)
    return found

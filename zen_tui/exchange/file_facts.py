"""A weight file read through once: its SHA-256, and whether every number in it is one.

Numbers that are none (NaN, infinity) have all bits of their exponent set, so they are found in the raw bytes
without converting anything; numpy is imported when the first file is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from zen_tui.exchange.facts import FileFacts
from zen_tui.exchange.safetensors_header import TensorInfo, data_start, read_header
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

STRETCH = 1 << 24  # bytes read at a time
UNUSED = ("model_ema.",)  # averages that old checkpoints carry and nobody loads

# bytes of a number, and the bits of its exponent; F8_E4M3 has no infinity, and NaN with all bits but the sign set
EXPONENTS = {
    "F64": (8, 0x7FF0_0000_0000_0000),
    "F32": (4, 0x7F80_0000),
    "F16": (2, 0x7C00),
    "BF16": (2, 0x7F80),
    "F8_E5M2": (1, 0x7C),
    "F8_E4M3": (1, 0x7F),
}


def read_through(path: Path, progress: Callable[[int], object] | None = None) -> FileFacts:
    """Read every byte of the safetensors file at `path`; `progress` is told how many.

    Raises:
        BadFile: cut off or damaged, it cannot be read, or a tensor of it holds what is not a number.
    """
    header = read_header(path)
    digest = hashlib.sha256()
    try:
        now = path.stat()
        with open(path, "rb") as file:
            start = data_start(path)
            digest.update(file.read(start))
            at = 0
            tensors = sorted(header.tensors.items(), key=lambda one: one[1].data_offsets)
            for key, tensor in tensors:
                first, last = tensor.data_offsets
                if first != at:
                    raise BadFile(f"{path.name} is damaged: its tensors overlap or leave gaps.", "Get it again.")
                while at < last:
                    data = file.read(min(STRETCH, last - at))
                    if not data:
                        raise BadFile(f"{path.name} ends before its last tensor.", "Get the file again.")
                    digest.update(data)
                    at += len(data)
                    if not _finite(tensor, data) and not key.startswith(UNUSED):
                        raise BadFile(
                            f"{path.name} is damaged: {clean(key, 100)} holds what is not a number.",
                            "Get the file again; what is trained or drawn with it would be black.",
                        )
                    if progress is not None:
                        progress(start + at)
            if start + at != now.st_size:
                raise BadFile(f"{path.name} is damaged: bytes follow its last tensor.", "Get it again.")
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.", "Check the path and its disk.") from None
    return FileFacts(digest.hexdigest(), now.st_size, now.st_mtime_ns)


def _finite(tensor: TensorInfo, data: bytes) -> bool:
    if tensor.dtype not in EXPONENTS:
        return True
    import numpy as np

    size, exponent = EXPONENTS[tensor.dtype]
    numbers = np.frombuffer(data, dtype=f"<u{size}")
    return not bool(((numbers & numbers.dtype.type(exponent)) == exponent).any())

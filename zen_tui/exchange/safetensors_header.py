"""The header of a safetensors file: what is in it, without reading or trusting the tensors.

Layout: eight bytes of length, that many bytes of JSON, then the data; github.com/huggingface/safetensors.
"""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.library.errors import BadFile

HEADER_LIMIT = 64_000_000  # bytes; the largest known model needs three million
KEY = re.compile(r"[A-Za-z0-9_.:/+*<>\- ]{1,300}")
SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip


class TensorInfo(msgspec.Struct, frozen=True):
    """A tensor as the header describes it; `data_offsets` count bytes from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


class Header(msgspec.Struct, frozen=True):
    """All tensors by key, and the free text that was stored with them."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]

    @property
    def parameters(self) -> int:
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())


def read_header(path: Path) -> Header:
    """The header of `path`, checked against the file's size.

    Raises:
        BadFile: cut off, damaged, too large a header, keys with strange characters, or not safetensors.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if length > HEADER_LIMIT:
                raise _bad(path, "its header claims to be larger than any model needs")
            if not 2 <= length <= size - 8:
                raise _bad(path, "it is cut off or of another format")
            raw = msgspec.json.decode(file.read(length))
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _bad(path, "its header is not readable") from None
    return _checked(path, raw, size - 8 - length)


def header_of(head: bytes) -> Header | None:
    """The header that a file begins with, as far as `head` holds it whole; None if it is no safetensors file.

    The header may be longer than `head`; what then is returned is empty.
    """
    length = struct.unpack("<Q", head[:8])[0] if len(head) >= 8 else 0
    if not 2 <= length <= HEADER_LIMIT or head[8:9] != b"{":
        return None
    if length > len(head) - 8:
        return Header({}, {})
    try:
        raw = msgspec.json.decode(head[8 : 8 + length])
        metadata = msgspec.convert(raw.pop("__metadata__", {}), dict[str, str])
        return Header(msgspec.convert(raw, dict[str, TensorInfo]), metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError):
        return None


def data_start(path: Path) -> int:
    """Where the data of a file begins whose header has been read, in bytes."""
    with open(path, "rb") as file:
        return 8 + int(struct.unpack("<Q", file.read(8))[0])


def _checked(path: Path, raw: Any, data: int) -> Header:
    try:
        metadata = msgspec.convert(raw.pop("__metadata__", {}), dict[str, str])
        tensors = msgspec.convert(raw, dict[str, TensorInfo])
    except (msgspec.ValidationError, AttributeError):
        raise _bad(path, "its header is not that of a safetensors file") from None
    for key, tensor in tensors.items():
        if not KEY.fullmatch(key) or ".." in key or key.startswith("/"):
            raise _bad(path, "a tensor in it has a name with strange characters")
        first, last = tensor.data_offsets
        size = SIZES.get(tensor.dtype, 0) * math.prod(tensor.shape)
        if min(tensor.shape, default=0) < 0 or not 0 <= first <= last or tensor.dtype not in SIZES:
            raise _bad(path, "its header contradicts itself")
        if last > data:
            raise _bad(path, "it is cut off; the end is missing")
        if last - first != size:
            raise _bad(path, "its header contradicts itself")
    return Header(tensors, metadata)


def _bad(path: Path, reason: str) -> BadFile:
    return BadFile(f"{path.name} is not a whole safetensors file: {reason}.", "Get the file again.")

"""The graph in an ONNX file, read without the onnx or protobuf packages: nodes, attributes and weights.

Only what a plain picture-to-picture network needs is read; the numbers of the fields are those of onnx.proto,
github.com/onnx/onnx. Nothing that the file says of sizes is believed before it is held against its bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean, megabytes, shown

LIMIT = 1_000_000_000  # bytes of a file
LARGEST = 100_000_000  # numbers of one tensor
DTYPES = {1: ("float32", 4), 6: ("int32", 4), 7: ("int64", 8), 9: ("bool", 1), 10: ("float16", 2)}
"""`data_type` of a tensor, and how many bytes a number takes."""

Field = tuple[int, int, Any]  # number, wire type, an int or a piece of the file


class Tensor(msgspec.Struct, frozen=True):
    """Numbers as they lie in the file: little-endian, row by row."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Node(msgspec.Struct, frozen=True):
    """One operation; '' among the inputs is one that was left out."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Graph(msgspec.Struct, frozen=True):
    """What `read_onnx` found. `inputs` are those without a weight of the same name, with their sizes (0: free)."""

    nodes: tuple[Node, ...]
    weights: dict[str, Tensor]
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]


def read_onnx(path: Path) -> Graph:
    """The graph in the ONNX file at `path`.

    Raises:
        BadFile: it is cut off, damaged or of another format.
        Refused: its weights lie in another file, or it is larger than any matte.
    """
    try:
        size = path.stat().st_size
        if size > LIMIT:
            raise Refused(f"{shown(path.name)} is larger than any model of its kind: {megabytes(size)}.")
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise BadFile(f"{shown(path)} cannot be read: {error.strerror}.", "Check the path.") from None
    try:
        graph = next((piece for number, _, piece in _fields(data) if number == 7), None)
        if graph is None:
            raise ValueError("there is no graph in it")
        return _graph(graph)
    except (ValueError, TypeError, struct.error, IndexError, UnicodeDecodeError, msgspec.ValidationError) as error:
        reason = clean(str(error), 120) or "it is damaged"
        raise BadFile(f"{shown(path.name)} is not a whole ONNX file: {reason}.", "Get the file again.") from None


def _graph(data: memoryview) -> Graph:
    nodes, outputs = [], []
    weights: dict[str, Tensor] = {}
    inputs: dict[str, tuple[int, ...]] = {}
    for number, _, piece in _fields(data):
        if number == 1:
            nodes.append(_node(piece))
        elif number == 5:
            name, tensor = _tensor(piece)
            weights[name] = tensor
        elif number == 11:
            name, sizes = _value(piece)
            inputs[name] = sizes
        elif number == 12:
            outputs.append(_value(piece)[0])
    if not nodes or not outputs:
        raise ValueError("its graph is empty")
    free = {name: sizes for name, sizes in inputs.items() if name not in weights}
    return Graph(tuple(nodes), weights, free, tuple(outputs))


def _node(data: memoryview) -> Node:
    inputs, outputs, op = [], [], ""
    attributes: dict[str, Any] = {}
    for number, _, piece in _fields(data):
        if number == 1:
            inputs.append(_text(piece))
        elif number == 2:
            outputs.append(_text(piece))
        elif number == 4:
            op = _text(piece)
        elif number == 5:
            name, value = _attribute(piece)
            attributes[name] = value
    return Node(op, tuple(inputs), tuple(outputs), attributes)


def _attribute(data: memoryview) -> tuple[str, Any]:
    """An attribute's value: a number, a text, a tensor, or a list of numbers; None for what is not read."""
    name, value = "", None
    many: list[Any] = []
    for number, wire, piece in _fields(data):
        if number == 1:
            name = _text(piece)
        elif number == 2:
            value = struct.unpack("<f", piece)[0]
        elif number == 3:
            value = _signed(piece)
        elif number == 4:
            value = _text(piece)
        elif number == 5:
            value = _tensor(piece)[1]
        elif number == 7:
            many += struct.unpack(f"<{len(piece) // 4}f", piece)
        elif number == 8:
            many += [_signed(piece)] if wire == 0 else [_signed(each) for each in _varints(piece)]
    return name, tuple(many) if many else value


def _tensor(data: memoryview) -> tuple[str, Tensor]:
    name, kind = "", 0
    shape: list[int] = []
    raw: bytes | None = None
    floats, ints = bytearray(), []
    for number, wire, piece in _fields(data):
        if number == 1:
            shape += [_signed(piece)] if wire == 0 else [_signed(each) for each in _varints(piece)]
        elif number == 2:
            kind = piece
        elif number == 4:
            floats += piece
        elif number in (5, 7):
            ints += [_signed(piece)] if wire == 0 else [_signed(each) for each in _varints(piece)]
        elif number == 8:
            name = _text(piece)
        elif number == 9:
            raw = bytes(piece)
        elif number in (13, 14) and piece:
            raise ValueError("its weights lie in another file")
    if kind not in DTYPES:
        raise ValueError(f"a tensor in it is of a kind that is not read ({kind})")
    dtype, width = DTYPES[kind]
    count = math.prod(shape)
    if any(size < 0 for size in shape) or count > LARGEST:
        raise ValueError("a tensor in it claims an impossible size")
    if raw is None:
        raw = (
            bytes(floats)
            if dtype == "float32"
            else b"".join(each.to_bytes(width, "little", signed=True) for each in ints)
        )
    if len(raw) != count * width:
        raise ValueError("a tensor in it has not as many numbers as it claims")
    return name, Tensor(dtype, tuple(shape), raw)


def _value(data: memoryview) -> tuple[str, tuple[int, ...]]:
    """Name and sizes of an input or output; a size that is free is 0."""
    name, sizes = "", []
    for number, _, piece in _fields(data):
        if number == 1:
            name = _text(piece)
        elif number == 2:
            for dim in _within(piece, 1, 2, 1):
                sizes.append(
                    next((_signed(each) for number, wire, each in _fields(dim) if number == 1 and wire == 0), 0)
                )
    return name, tuple(sizes)


def _within(data: memoryview, *numbers: int) -> list[memoryview]:
    """The pieces under a path of fields."""
    found = [data]
    for wanted in numbers:
        found = [
            piece for each in found for number, wire, piece in _fields(each) if number == wanted and wire == 2
        ]
    return found


def _fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message, in order. Raises `ValueError` where it is cut off."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("it is of another format")
        if size > len(data) - at:
            raise ValueError("it is cut off")
        yield number, wire, data[at : at + size]
        at += size


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("it is of another format")


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _text(data: memoryview) -> str:
    return bytes(data).decode()

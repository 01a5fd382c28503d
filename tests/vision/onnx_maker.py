"""Writing ONNX files by hand: as much of protobuf as a few nodes and weights need."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FLOAT, INT64 = 1, 7


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, shape: Sequence[int], values: Sequence[float], kind: int = FLOAT) -> bytes:
    code = "f" if kind == FLOAT else "q"
    data = struct.pack(f"<{len(values)}{code}", *values)
    return b"".join(field(1, size) for size in shape) + field(2, kind) + field(8, name) + field(9, data)


def attribute(name: str, value: Any) -> bytes:
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    if isinstance(value, bytes):
        return field(1, name) + field(5, value) + field(20, 4)
    return field(1, name) + b"".join(field(8, each) for each in value) + field(20, 7)


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> bytes:
    return (
        b"".join(field(1, name) for name in inputs)
        + b"".join(field(2, name) for name in outputs)
        + field(4, op)
        + b"".join(field(5, attribute(name, value)) for name, value in attributes.items())
    )


def value(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dims)))


def model(nodes: Sequence[bytes], weights: Sequence[bytes], side: int = 32, output: str = "out") -> bytes:
    graph = b"".join(field(1, each) for each in nodes) + field(2, "tiny")
    graph += b"".join(field(5, each) for each in weights)
    graph += field(11, value("in", (1, 3, side, side))) + field(12, value(output, (1, 1, side, side)))
    return field(1, 8) + field(7, graph) + field(8, field(2, 11))


CONV = {"dilations": [1, 1], "group": 1, "kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
POOL = {"ceil_mode": 1, "kernel_shape": [2, 2], "pads": [0, 0, 0, 0], "strides": [2, 2]}
UP = {"coordinate_transformation_mode": "pytorch_half_pixel", "mode": "linear", "nearest_mode": "floor"}


def tiny_matte(side: int = 32) -> bytes:
    """One step down and up again as PyTorch exports U²-Net, with weights that find what is bright."""
    nodes = [
        node("Conv", ["in", "w1", "b1"], ["c1"], **CONV),
        node("Relu", ["c1"], ["r1"]),
        node("MaxPool", ["r1"], ["p1"], **POOL),
        node("Conv", ["p1", "w2", "b2"], ["c2"], **{**CONV, "dilations": [2, 2], "pads": [2, 2, 2, 2]}),
        node("Shape", ["r1"], ["shape"]),
        node("Constant", [], ["two"], value=tensor("", (), [2], INT64)),
        node("Gather", ["shape", "two"], ["high"], axis=0),
        node("Constant", [], ["three"], value=tensor("", (), [3], INT64)),
        node("Gather", ["shape", "three"], ["wide"], axis=0),
        node("Unsqueeze", ["high"], ["high1"], axes=[0]),
        node("Unsqueeze", ["wide"], ["wide1"], axes=[0]),
        node("Concat", ["high1", "wide1"], ["size"], axis=0),
        node("Cast", ["size"], ["size64"], to=7),
        node("Shape", ["c2"], ["small"]),
        node("Slice", ["small", "zero", "until", "zero"], ["head"]),
        node("Concat", ["head", "size64"], ["sizes"], axis=0),
        node("Resize", ["c2", "none", "none", "sizes"], ["up"], **UP),
        node("Concat", ["up", "r1"], ["both"], axis=1),
        node("Conv", ["both", "w3", "b3"], ["c3"], **{**CONV, "kernel_shape": [1, 1], "pads": [0, 0, 0, 0]}),
        node("Add", ["c3", "c3"], ["twice"]),
        node("Sigmoid", ["twice"], ["out"]),
    ]
    weights = [
        tensor("w1", (2, 3, 3, 3), [(0.1 if n % 9 == 4 else 0.02) for n in range(54)]),
        tensor("b1", (2,), [0.1, 0.0]),
        tensor("w2", (2, 2, 3, 3), [0.03] * 36),
        tensor("b2", (2,), [0.0, 0.05]),
        tensor("w3", (1, 4, 1, 1), [0.5, 0.5, 1.0, 1.0]),
        tensor("b3", (1,), [-1.0]),
        tensor("none", (0,), []),
        tensor("zero", (1,), [0], INT64),
        tensor("until", (1,), [2], INT64),
    ]
    return model(nodes, weights, side)


def save_tiny_matte(path: Path, side: int = 32) -> Path:
    path.write_bytes(tiny_matte(side))
    return path

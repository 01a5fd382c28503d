"""A network in an ONNX file, run by torch: the operations that U²-Net and its kin are made of, and no others.

What each does is said in github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from zen_tui.exchange.onnx_file import LARGEST, Graph, Node, read_onnx
from zen_tui.exchange.onnx_file import Tensor as Stored
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean, shown

Values = list[Tensor | None]

WIDEST_PAD = 1024  # pixels
TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16}
HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")


class OnnxGraph:
    """Runs the graph of `path` on `device`, in fp32.

    Raises:
        BadFile: the file is damaged.
        Refused: it has an operation that is not one of these.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        self.path = path
        self.graph: Graph = read_onnx(path)
        unknown = sorted({node.op for node in self.graph.nodes} - set(OPERATIONS))
        if unknown:
            raise Refused(
                f"{shown(path.name)} uses the operation {clean(unknown[0], 40)}, which Zen does not run.",
                "Zen runs U²-Net, u2netp, silueta and IS-Net.",
            )
        self.device = device
        self.weights = {name: _placed(_numbers(stored), device) for name, stored in self.graph.weights.items()}

    @torch.inference_mode()
    def __call__(self, given: Tensor) -> Tensor:
        """The first output for the one input `given`. Raises `BadFile` where the graph contradicts itself."""
        last = {name: place for place, node in enumerate(self.graph.nodes) for name in node.inputs}
        values: dict[str, Tensor] = {next(iter(self.graph.inputs), ""): given.to(self.device)}
        wanted = self.graph.outputs[0]
        try:
            for place, node in enumerate(self.graph.nodes):
                found = [self._value(values, name) for name in node.inputs]
                result = OPERATIONS[node.op](node, found)
                if result.numel() > LARGEST:
                    raise ValueError("it grows without end")
                values[node.outputs[0]] = _placed(result, self.device)
                if node.outputs[0] == wanted:
                    break
                for name in node.inputs:
                    if last[name] == place and name != wanted:
                        values.pop(name, None)
            return values[wanted].float()
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            reason = clean(str(error).splitlines()[0] if str(error) else type(error).__name__, 120).rstrip(".")
            raise BadFile(
                f"The network in {shown(self.path.name)} does not run: {reason}.", "Get it again."
            ) from None

    def _value(self, values: dict[str, Tensor], name: str) -> Tensor | None:
        if not name:
            return None
        return values[name] if name in values else self.weights[name]


def _numbers(stored: Stored) -> Tensor:
    dtype = getattr(torch, stored.dtype)
    if not stored.data:
        return torch.empty(stored.shape, dtype=dtype)
    found = torch.frombuffer(bytearray(stored.data), dtype=dtype).reshape(stored.shape)
    return found.float() if dtype == torch.float16 else found


def _placed(tensor: Tensor, device: torch.device) -> Tensor:
    """Pictures and weights on the device; sizes and places stay where Python reads them."""
    return tensor.to(device) if tensor.is_floating_point() else tensor


def _conv(node: Node, given: Values) -> Tensor:
    x, weight, bias = (*given, None)[:3]
    pads = _pads(node)
    return torch.conv2d(
        F.pad(_some(x), pads),
        _some(weight),
        bias,
        _pair(node, "strides"),
        0,
        _pair(node, "dilations"),
        int(node.attributes.get("group") or 1),
    )


def _max_pool(node: Node, given: Values) -> Tensor:
    x = F.pad(_some(given[0]), _pads(node), value=float("-inf"))
    shape, strides = node.attributes["kernel_shape"], _pair(node, "strides")
    return F.max_pool2d(
        x, tuple(shape), strides, 0, _pair(node, "dilations"), bool(node.attributes.get("ceil_mode"))
    )


def _average_pool(node: Node, given: Values) -> Tensor:
    if any(_pads(node)):
        raise ValueError("it pads before averaging")
    return F.avg_pool2d(_some(given[0]), tuple(node.attributes["kernel_shape"]), _pair(node, "strides"))


def _batch_norm(node: Node, given: Values) -> Tensor:
    x, weight, bias, mean, spread = (_some(each) for each in given[:5])
    epsilon = node.attributes.get("epsilon", 1e-5)
    return F.batch_norm(x, mean, spread, weight, bias, False, 0.0, epsilon)


def _resize(node: Node, given: Values) -> Tensor:
    x = _some(given[0])
    sizes = given[3] if len(given) > 3 else None
    if sizes is not None and sizes.numel():
        height, width = (int(size) for size in sizes[-2:])
    else:
        height, width = (
            int(size * float(scale)) for size, scale in zip(x.shape[-2:], _some(given[-1])[-2:], strict=True)
        )
    if height * width * x.shape[0] * x.shape[1] > LARGEST:
        raise ValueError("it grows without end")
    how = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    mode = node.attributes.get("mode", "nearest")
    if mode == "linear" and how in (*HALF_PIXEL, "align_corners"):
        return F.interpolate(x, (height, width), mode="bilinear", align_corners=how == "align_corners")
    if mode == "nearest" and how == "asymmetric" and node.attributes.get("nearest_mode") == "floor":
        return F.interpolate(x, (height, width), mode="nearest")
    raise ValueError(f"it resizes in a way that is not known ({mode}, {how})")


def _slice(node: Node, given: Values) -> Tensor:
    x = _some(given[0])
    if len(given) > 1:
        starts, ends = _list(given[1]), _list(given[2])
        axes = _list(given[3]) if len(given) > 3 and given[3] is not None else list(range(len(starts)))
        steps = _list(given[4]) if len(given) > 4 and given[4] is not None else [1] * len(starts)
    else:
        starts, ends = list(node.attributes["starts"]), list(node.attributes["ends"])
        axes, steps = list(node.attributes.get("axes") or range(len(starts))), [1] * len(starts)
    places = [slice(None)] * x.dim()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places[axis] = slice(start, end, step)
    return x[tuple(places)]


def _unsqueeze(node: Node, given: Values) -> Tensor:
    x = _some(given[0])
    for axis in sorted(_axes(node, given)):
        x = x.unsqueeze(axis)
    return x


def _squeeze(node: Node, given: Values) -> Tensor:
    x = _some(given[0])
    return x.squeeze(tuple(_axes(node, given))) if _axes(node, given) else x.squeeze()


def _gather(node: Node, given: Values) -> Tensor:
    x, places = _some(given[0]), _some(given[1])
    axis = int(node.attributes.get("axis") or 0)
    found = x.index_select(axis, places.reshape(-1).long() % x.shape[axis])
    return found.reshape((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


def _constant(node: Node, _: Values) -> Tensor:
    if isinstance(node.attributes.get("value"), Stored):
        return _numbers(node.attributes["value"])
    return torch.tensor(next(value for value in node.attributes.values() if value is not None))


def _reshape(_: Node, given: Values) -> Tensor:
    x = _some(given[0])
    return x.reshape([x.shape[place] if size == 0 else size for place, size in enumerate(_list(given[1]))])


def _concat(node: Node, given: Values) -> Tensor:
    return torch.cat([_some(each) for each in given], int(node.attributes.get("axis") or 0))


Operation = Callable[[Node, Values], Tensor]

OPERATIONS: dict[str, Operation] = {
    "Add": lambda _, given: _some(given[0]) + _some(given[1]),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": lambda node, given: _some(given[0]).to(TYPES[node.attributes["to"]]),
    "Concat": _concat,
    "Constant": _constant,
    "Conv": _conv,
    "Div": lambda _, given: _divided(_some(given[0]), _some(given[1])),
    "Gather": _gather,
    "Identity": lambda _, given: _some(given[0]),
    "MaxPool": _max_pool,
    "Mul": lambda _, given: _some(given[0]) * _some(given[1]),
    "Relu": lambda _, given: torch.relu(_some(given[0])),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda _, given: torch.tensor(_some(given[0]).shape),
    "Sigmoid": lambda _, given: torch.sigmoid(_some(given[0])),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": lambda _, given: _some(given[0]) - _some(given[1]),
    "Unsqueeze": _unsqueeze,
}


def _divided(x: Tensor, by: Tensor) -> Tensor:
    return x / by if x.is_floating_point() else torch.div(x, by, rounding_mode="trunc")


def _some(value: Tensor | None) -> Tensor:
    if value is None:
        raise ValueError("an input is missing")
    return value


def _list(value: Tensor | None) -> list[int]:
    return [int(each) for each in _some(value).reshape(-1)]


def _axes(node: Node, given: Values) -> list[int]:
    return list(node.attributes.get("axes") or (_list(given[1]) if len(given) > 1 else ()))


def _pair(node: Node, name: str) -> tuple[int, int]:
    first, second = node.attributes.get(name) or (1, 1)
    return int(first), int(second)


def _pads(node: Node) -> list[int]:
    """Left, right, top, bottom, as `F.pad` takes them."""
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID", "", None):
        raise ValueError("it pads by itself")
    top, left, bottom, right = node.attributes.get("pads") or (0, 0, 0, 0)
    if max(top, left, bottom, right) > WIDEST_PAD:
        raise ValueError("it grows without end")
    return [int(left), int(right), int(top), int(bottom)]

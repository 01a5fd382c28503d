"""A team as torch.distributed and accelerate know one: what they add up and send goes over the team's lines.

Their own ways, gloo and NCCL, open network sockets, which the offline lock refuses even within one machine.
Sums are made in the order of the processes, so they come out the same every time, and the same everywhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.distributed as dist
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.futures import Future

from zen_tui.ranks.team import Team

NAME = "zen"


class _Done(dist.Work):
    """Work that is done when it is handed out."""

    def __init__(self, result: list[Tensor]) -> None:
        super().__init__()
        self._future: Future[list[Tensor]] = Future()
        self._future.set_result(result)

    def wait(self, timeout: Any = None) -> bool:
        return True

    def is_completed(self) -> bool:
        return True

    def get_future(self) -> Any:
        return self._future


class _Group(dist.ProcessGroup):
    """The collectives that training needs: sums, sending from the first process, and waiting for each other."""

    def __init__(self, team: Team) -> None:
        super().__init__(team.index, team.size)  # type: ignore[call-arg]
        self._team = team

    def getBackendName(self) -> str:
        return NAME

    def allreduce(self, tensors: list[Tensor], options: Any = None) -> dist.Work:  # type: ignore[override]
        if options is not None and options.reduceOp != dist.ReduceOp.SUM:
            raise NotImplementedError("only sums")
        for tensor in tensors:
            self._add_up(tensor)
        return _Done(tensors)

    def broadcast(self, tensors: list[Tensor], options: Any = None) -> dist.Work:  # type: ignore[override]
        if options is not None and options.rootRank != 0:
            raise NotImplementedError("only from the first process")
        for tensor in tensors:
            self._send_down(tensor)
        return _Done(tensors)

    def barrier(self, options: Any = None) -> dist.Work:
        self._add_up(torch.zeros(1))
        return _Done([])

    @torch.no_grad()
    def _add_up(self, tensor: Tensor) -> None:
        """The sum over all processes, into `tensor` of each."""
        team, total = self._team, _on_processor(tensor)
        for link in team.down:
            total += torch.frombuffer(link.take(total.nbytes), dtype=total.dtype).view_as(total)
        if team.up is not None:
            team.up.give(_bytes(total))
            total = _read(team.up.take(total.nbytes), total)
        self._pass_down(total, tensor)

    @torch.no_grad()
    def _send_down(self, tensor: Tensor) -> None:
        """What the first process has in `tensor`, into that of each."""
        total = _on_processor(tensor)
        if self._team.up is not None:
            self._team.up.send(b"")  # what it gave before has been read
            total = _read(self._team.up.take(total.nbytes), total)
        for link in self._team.down:
            link.receive()
        self._pass_down(total, tensor)

    def _pass_down(self, total: Tensor, tensor: Tensor) -> None:
        for link in self._team.down:
            link.give(_bytes(total))
        tensor.copy_(total)


def _on_processor(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _read(data: memoryview, like: Tensor) -> Tensor:
    return torch.frombuffer(data, dtype=like.dtype).view_as(like)


@contextlib.contextmanager
def joined(team: Team) -> Iterator[None]:
    """Within, `team` is torch.distributed's group and what accelerate finds; a process alone needs none."""
    if team.size == 1:
        yield
        return
    told = _told_to_accelerate(team)
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    _present.append(team)
    dist.init_process_group(NAME, store=cast(Any, dist).HashStore(), rank=team.index, world_size=team.size)
    try:
        AcceleratorState._reset_state(reset_partial_state=True)
        yield
    finally:
        dist.destroy_process_group()
        _present.clear()
        AcceleratorState._reset_state(reset_partial_state=True)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _told_to_accelerate(team: Team) -> dict[str, str]:
    """What torchrun would say. Every process sees one card alone, so all are the first of their own."""
    return {
        "RANK": str(team.index),
        "WORLD_SIZE": str(team.size),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "none",  # nobody goes there
        "NCCL_P2P_DISABLE": "1",
        "NCCL_IB_DISABLE": "1",  # else accelerate refuses some cards, though NCCL is not used
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(torch.get_num_threads())),
    }


def _create(*_: Any) -> _Group:
    return _Group(_present[-1])


_present: list[Team] = []
dist.Backend.register_backend(NAME, _create, devices=["cpu", "cuda"])

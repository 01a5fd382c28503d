"""First stage: draw the training pictures into shards of uint8, by several processes at once."""

import multiprocessing
import shutil
from pathlib import Path

import numpy as np
import torch

from zen_tui.mannequins import cast
from zen_tui.mannequins.pretrain_kept import Diary, Stopped, whole
from zen_tui.mannequins.world import compile_for_bulk, render

SHARD = 500


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` lies."""
    return folder / f"pictures-{number:04d}.npy"


def _draw_shards(folder: Path, numbers: list[int], images: int, size: int, seed: int, compiled: bool) -> None:
    torch.set_num_threads(1)
    if compiled:
        compile_for_bulk()
    for number in numbers:
        span = range(number * SHARD, min((number + 1) * SHARD, images))
        people = [cast.person("train", i, seed) for i in span]
        pixels = render(people, [cast.scene("train", i, seed=seed) for i in span], size).numpy()

        def write(draft: Path, pixels: np.ndarray = pixels) -> None:
            with draft.open("wb") as file:
                np.save(file, pixels)

        whole(shard_path(folder, number), write)


def render_all(folder: Path, images: int, size: int, seed: int, processes: int, diary: Diary) -> None:
    """Draw what is missing of `images` pictures; stops between shards when asked to.

    Raises:
        Stopped: the diary was asked to stop; finished shards are kept.
        RuntimeError: a drawing process failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(-(-images // SHARD)) if not shard_path(folder, n).exists()]
    if not missing:
        return
    diary.write("stage", stage="render", pictures=images, shards_to_draw=len(missing))
    compiled = len(missing) > 4 and shutil.which("g++") is not None
    context = multiprocessing.get_context("spawn")
    crew = [
        context.Process(target=_draw_shards, args=(folder, missing[k::processes], images, size, seed, compiled))
        for k in range(min(processes, len(missing)))
    ]
    for process in crew:
        process.start()
    for process in crew:
        while process.is_alive() and not diary.asked:
            process.join(1)
        if diary.asked:
            process.terminate()
        process.join()
    if diary.asked:
        raise Stopped
    if any(process.exitcode for process in crew):
        raise RuntimeError("A drawing process failed; its message is above. Start again to go on from there.")


class Pictures:
    """All rendered pictures, read from disk as needed."""

    def __init__(self, folder: Path, images: int) -> None:
        self.folder, self.count = folder, images
        self._shards = [np.load(shard_path(folder, n), mmap_mode="r") for n in range(-(-images // SHARD))]

    def __len__(self) -> int:
        return self.count

    def __reduce__(self) -> tuple[type["Pictures"], tuple[Path, int]]:
        return Pictures, (self.folder, self.count)  # a helper process opens the files itself

    def take(self, indices: list[int]) -> torch.Tensor:
        """The pictures of these numbers, (N, 3, H, W) uint8."""
        return torch.from_numpy(np.stack([self._shards[i // SHARD][i % SHARD] for i in indices]))

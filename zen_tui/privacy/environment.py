"""The private environment that every Zen process puts itself in, before it imports anything large.

Files are the owner's alone, memory is not dumped, libraries are told to stay offline, and what they
write as a cache or a temporary file lies inside Zen's own folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from zen_tui.library.paths import Home

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
}
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
UNWANTED = ("TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_SCREENSHOT")  # a developer's console, log and screenshots

TEMPORARY = ("TMPDIR", "TEMP", "TMP")
CACHES = {
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CACHE_HOME": "cache",
}

WORKER_OOM_SCORE = 500  # when memory runs out the worker goes first: it can resume, the app cannot
PR_SET_DUMPABLE = 4


def prepare() -> None:
    """Make this process private and quiet. Cheap, and safe to call twice; call it before other imports."""
    os.umask(0o077)
    os.environ.update(OFFLINE)
    os.environ.update(QUIET)
    for name in UNWANTED:
        os.environ.pop(name, None)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    _keep_memory_private()


def prepare_worker(home: Home) -> None:
    """As `prepare`, and keep the temporary files and caches of all libraries inside `home.work`.

    Raises:
        ZenError: the home cannot be written.
    """
    _offer_to_oom_killer()  # before `prepare`: a process that cannot be dumped may not write its own score
    prepare()
    home.create()
    temporary = _temporary(home)
    os.environ.update(dict.fromkeys(TEMPORARY, temporary))
    tempfile.tempdir = None  # the place is looked up again
    for name, folder in CACHES.items():
        path = home.work / folder
        path.mkdir(mode=0o700, exist_ok=True)
        os.environ[name] = str(path)


def clear_temporary(home: Home) -> None:
    """Remove what libraries left among the temporary files. Only whoever holds the worker's lock may call it."""
    shutil.rmtree(home.work / "tmp", ignore_errors=True)
    _temporary(home)


def _temporary(home: Home) -> str:
    folder = home.work / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


def _offer_to_oom_killer() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(WORKER_OOM_SCORE))


def _keep_memory_private() -> None:
    """No core dumps, and no other process of this user may read our memory."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

"""What a run was made on: every figure's seconds tell about the machine, so every table names it."""

import os
import platform
from pathlib import Path

import torch


def describe(device: torch.device | None = None) -> str:
    """Processor or GPU, cores, memory, Python and torch with its threads."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    chip = f"{_processor()}, {cores} cores, {memory:.0f} GiB"
    if device is not None and device.type == "cuda":
        chip = f"{torch.cuda.get_device_name(device)} beside {chip}"
    return f"{chip}; Python {platform.python_version()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


def _processor() -> str:
    """The model name that Linux gives, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())

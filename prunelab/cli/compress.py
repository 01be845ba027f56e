"""`prunelab compress`."""

from __future__ import annotations

from pathlib import Path

import click

from prunelab.cli.errors import guarded
from prunelab.cli.networks import RUN_HELP, compacted, found_network, show, title
from prunelab.cli.options import debug_option, home_folder, home_option


@click.command(help=f"Write the network of RUN to the new folder DIR, physically smaller, with a model card.\n\n{RUN_HELP}")
@click.argument("run")
@click.argument("directory", metavar="DIR")
@home_option
@debug_option
def compress(run: str, directory: str, home: str | None, debug: bool) -> None:
    """See `help`."""
    guarded(debug, lambda: _compress(run, Path(directory), home_folder(home)))


def _compress(run: str, target: Path, home: Path) -> None:
    from prunelab.compress.card import Card, model_card
    from prunelab.compress.folder import whole_folder
    from prunelab.compress.saved import save
    from prunelab.metrics.size import state_bytes

    record, rebuilt = found_network(run, home)
    made = compacted(rebuilt)
    counts = [sum(parameter.numel() for parameter in model.parameters()) for model in (rebuilt.network, made.model)]
    sizes = [state_bytes(model) for model in (rebuilt.network, made.model)]
    with whole_folder(target) as folder:
        save(
            folder / "model",
            made,
            component=rebuilt.model,
            input_shape=rebuilt.splits.input_shape,
            num_classes=rebuilt.splits.num_classes,
        )
        card = Card(
            title=title(record),
            what="Everything that pruning removed whole is cut out of the tensors; what is left computes the same as the masked network.",
            files={path.name: path.stat().st_size for path in sorted((folder / "model").iterdir())},
            check=[f"compacted and masked logits differ by at most {made.check.difference:.2g} of the largest"],
            usage=[
                "from prunelab.compress.saved import load",
                f'model = load("{target.name}/model")',
                f"logits = model(inputs)  # inputs (batch, {', '.join(map(str, rebuilt.splits.input_shape))})",
            ],
            facts={"parameters of the compacted network": f"{counts[1]:,}"},
        )
        (folder / "README.md").write_text(model_card(record, card))
    rows = {"parameters": counts, "bytes": sizes}
    shown = {name: (f"{before:,}", f"{after:,}") for name, (before, after) in rows.items()}
    show(title(record), {**shown, "largest difference": ("", f"{made.check.difference:.2g}")}, target)

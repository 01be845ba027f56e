"""`prunelab compress`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelab.cli.errors import guarded
from prunelab.cli.networks import RUN_HELP, compacted, found_network, show, title
from prunelab.cli.options import debug_option, home_folder, home_option

if TYPE_CHECKING:
    from prunelab.compress.compact import Compacted
    from prunelab.study.rebuild import Rebuilt


@click.command(help=f"Write the network of RUN to the new folder DIR, physically smaller, with a model card.\n\n{RUN_HELP}")
@click.argument("run")
@click.argument("directory", metavar="DIR")
@click.option("--task-vocabulary", is_flag=True, help="Of a text network keep only embeddings of tokens that its training texts have.")
@home_option
@debug_option
def compress(run: str, directory: str, task_vocabulary: bool, home: str | None, debug: bool) -> None:
    """See `help`."""
    guarded(debug, lambda: _compress(run, Path(directory), home_folder(home), task_vocabulary=task_vocabulary))


def _with_task_vocabulary(made: Compacted, rebuilt: Rebuilt) -> Compacted:
    from prunelab.compress.vocabulary import with_task_vocabulary
    from prunelab.datasets.splits import Split
    from prunelab.datasets.tokens import tokenizer_of

    train = rebuilt.splits.train
    if not rebuilt.splits.num_tokens or not isinstance(train, Split):
        raise ValueError(f"{rebuilt.dataset.name} has no texts, so no vocabulary; leave --task-vocabulary out")
    unknown = tokenizer_of(str(rebuilt.dataset.arguments["tokenizer"])).unk_token_id
    if unknown is None:
        raise ValueError("this tokenizer has no token for the unknown, which tokens without a row would read as")
    return with_task_vocabulary(made, rebuilt.network, used=train.inputs, unknown=int(unknown), example=train.batch(slice(0, 8))[0])  # pyright: ignore[reportArgumentType]


def _checks(made: Compacted, *, task_vocabulary: bool) -> list[str]:
    check = made.check
    sentences = [f"compacted and masked logits differ by at most {check.difference:.2g} of the largest, on {check.examples} examples"]
    sentences.append(f"{check.report.gone:,} of {check.report.asked:,} units that the masks left nothing of are gone")
    if task_vocabulary:
        sentences.append("tokens that the training texts do not have read as the unknown token; other texts give the same logits")
    return sentences + [f"{stays.units:,} units of {stays.layer} stay: {stays.reason}" for stays in check.report.stays]


def _compress(run: str, target: Path, home: Path, *, task_vocabulary: bool) -> None:
    from prunelab.compress.card import Card, model_card
    from prunelab.compress.folder import whole_folder
    from prunelab.compress.saved import save
    from prunelab.metrics.size import state_bytes

    record, rebuilt = found_network(run, home)
    made = compacted(rebuilt)
    if task_vocabulary:
        made = _with_task_vocabulary(made, rebuilt)
    counts = [sum(parameter.numel() for parameter in model.parameters()) for model in (rebuilt.network, made.model)]
    sizes = [state_bytes(model) for model in (rebuilt.network, made.model)]
    with whole_folder(target) as folder:
        whole = folder / "model"  # written in one step of its own, into a folder that is new
        save(whole, made, component=rebuilt.model, input_shape=rebuilt.splits.input_shape, num_classes=rebuilt.splits.num_classes)
        for path in whole.iterdir():
            path.rename(folder / path.name)
        whole.rmdir()
        card = Card(
            title=title(record),
            what="Everything that pruning removed whole is cut out of the tensors; what is left computes the same as the masked network.",
            files={path.name: path.stat().st_size for path in sorted(folder.iterdir())},
            check=_checks(made, task_vocabulary=task_vocabulary),
            usage=[
                "from prunelab.compress.saved import load",
                f'model = load("{target.name}").eval()',
                f"logits = model(inputs)  # inputs (batch, {', '.join(map(str, rebuilt.splits.input_shape))})",
            ],
            facts={"parameters of the compacted network": f"{counts[1]:,}"},
        )
        (folder / "README.md").write_text(model_card(record, card))
    rows = {"parameters": counts, "bytes": sizes}
    shown = {name: (f"{before:,}", f"{after:,}") for name, (before, after) in rows.items()}
    show(title(record), {**shown, "largest difference": ("", f"{made.check.difference:.2g}")}, target)

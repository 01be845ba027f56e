"""The command line, one command a file. What is heavy is imported inside the commands."""

from __future__ import annotations

import click

from prunelab.basics.garbage import end_unsearched
from prunelab.cli.compare import compare
from prunelab.cli.compress import compress
from prunelab.cli.docs import docs
from prunelab.cli.doctor import doctor
from prunelab.cli.export import export
from prunelab.cli.inspect import inspect
from prunelab.cli.list import list_
from prunelab.cli.new import new
from prunelab.cli.report import report
from prunelab.cli.reproduce import reproduce
from prunelab.cli.run import run
from prunelab.cli.search import search
from prunelab.cli.status import status
from prunelab.cli.store import store
from prunelab.cli.track import track

__all__ = ["main"]


_HELP = """Describe a pruning study, run it, and see accuracy against sparsity.

\b
prunelab run experiment=lottery_mnist5k       the lottery-ticket study on real digits
prunelab run model=lenet_5 seeds=[0,1,2]      any combination: `prunelab list models`
prunelab run -m schedule=lottery,fine_tuning  a sweep
prunelab status lottery_mnist5k               how far it is, in whatever process it runs
prunelab report lottery_mnist5k               its report: curves, controls, Pareto front
prunelab compare STUDY:snip STUDY:random       two methods or studies, paired, with a verdict
prunelab inspect lottery_mnist5k              its masks and networks: overlap, exemplars, calibration
prunelab compress RUN DIR                     a network of it, physically smaller, with its model card
prunelab export RUN --to onnx DIR             the same for another runtime
prunelab track sync lottery_mnist5k           send to W&B what was kept offline
prunelab new criterion NAME                   the files of a method of your own

Shell completion: eval "$(_PRUNELAB_COMPLETE=bash_source prunelab)"
"""


@click.group(help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prunelab")
def main() -> None:
    """The command `prunelab`."""
    end_unsearched()


for command in (run, search, status, report, inspect, compare, reproduce, compress, export, list_, new, docs, store, track, doctor):
    main.add_command(command)

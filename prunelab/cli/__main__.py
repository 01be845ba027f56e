"""`python -m prunelab.cli`: the command line without the installed script."""

from prunelab.cli import main

main()

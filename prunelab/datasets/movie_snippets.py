"""Sentences of film reviews with human ratings, shipped in the source archive of vaderSentiment."""

from __future__ import annotations

import io
import tarfile

from prunelab.basics.checkpoints import MINILM
from prunelab.datasets.packages import source_archive
from prunelab.datasets.splits import Splits
from prunelab.datasets.tokens import token_splits

_PACKAGE = "vaderSentiment==3.3.2"
_ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FILE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


def movie_snippets(
    *,
    tokenizer: str = MINILM,
    max_length: int = 64,
    validation: int = 805,
    test: int = 2000,
    split_seed: int = 0,
    max_train: int | None = None,
) -> Splits:
    """10,605 sentences of film reviews (Pang & Lee 2004) rated by twenty people each (Hutto & Gilbert 2014): positive or not.

    Token ids of shape (longest,); two classes, 1 where the mean rating is above 0. MIT licence.

    Args:
        tokenizer: of the checkpoint that is trained: minilm, a folder, or a name on the hub.
        max_length: sentences are cut to so many tokens.
        validation: sentences set aside for validation.
        test: sentences set aside for test.
        split_seed: of both draws, balanced over classes.
        max_train: train on at most so many.
    """
    rows = [line.split("\t") for line in _read().splitlines() if line]
    return token_splits(
        texts=[text for _, _, text in rows],
        labels=[int(float(rating) > 0) for _, rating, _ in rows],
        tokenizer=tokenizer,
        max_length=max_length,
        validation=validation,
        test=test,
        split_seed=split_seed,
        max_train=max_train,
    )


def _read() -> str:
    with tarfile.open(source_archive(_PACKAGE, _ARCHIVE, _SHA256)) as archive:
        inner = archive.extractfile(_INNER)
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as rows:
            file = rows.extractfile(_FILE)
            assert file is not None
            return file.read().decode("utf-8")

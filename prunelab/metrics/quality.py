"""How good a classifier is: exact totals over examples, whatever the batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prunelab.metrics.masks import evaluating

ECE_BINS = 15


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality of a classifier on a split.

    Attributes:
        top1: fraction of examples whose highest logit is the class.
        top5: fraction whose class is among the five highest logits (among all, with fewer than five classes).
        loss: mean cross-entropy in nats.
        f1: macro F1: the unweighted mean over classes that occur among targets or predictions.
        ece: expected calibration error, sum over 15 equal-width bins of confidence of
            (examples in the bin / examples) |accuracy - mean confidence| (Guo et al. 2017).
    """

    top1: float
    top5: float
    loss: float
    f1: float
    ece: float


def evaluate(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], device: torch.device | str | None = None) -> Quality:
    """Measure `model` in eval mode on all `batches`; its mode is restored.

    Args:
        model: (batch, ...) -> logits (batch, classes).
        batches: (inputs, targets) pairs; targets are class indices (batch,). The last one may be smaller.
        device: where inputs are moved to; None leaves them where they are.

    Raises:
        ValueError: if there is no example.
    """
    all_logits, all_targets = [], []
    with evaluating(model), torch.inference_mode():
        for inputs, targets in batches:
            all_logits.append(model(inputs if device is None else inputs.to(device)).float().cpu())
            all_targets.append(targets.cpu())
    if not sum(map(len, all_targets)):
        raise ValueError("there are no examples to evaluate on")
    return quality(torch.cat(all_logits), torch.cat(all_targets))


def quality(logits: Tensor, targets: Tensor) -> Quality:
    """Quality of `logits` (examples, classes) against class indices `targets` (examples,), on the CPU."""
    # torchmetrics takes seconds to import, and training validates without it
    from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_stat_scores

    num_classes = logits.shape[1]
    logits = logits.double()
    highest = logits.topk(min(5, num_classes), dim=1).indices
    hits = highest == targets[:, None]
    probabilities = logits.softmax(dim=1)
    if num_classes == 1:  # one class is always right and always certain; torchmetrics wants two
        f1, ece = 1.0, 0.0
    else:
        counts = multiclass_stat_scores(highest[:, 0], targets, num_classes=num_classes, average=None)
        f1 = _macro_f1(counts)
        # A diverged network has no confidence to calibrate.
        finite = bool(probabilities.isfinite().all())
        error = multiclass_calibration_error(
            probabilities, targets, num_classes=num_classes, n_bins=ECE_BINS, norm="l1", validate_args=False
        )
        ece = float(error) if finite else float("nan")
    return Quality(
        top1=_fraction(hits[:, 0]),
        top5=_fraction(hits.any(dim=1)),
        loss=float(F.cross_entropy(logits, targets)),
        f1=f1,
        ece=ece,
    )


@torch.inference_mode()
def evaluate_loss_top1(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, on the device of the batches: the validation of a training run.

    The device is waited for once, at the end.

    Args:
        model: (batch, ...) -> logits (batch, classes), on the device of the batches.
        batches: (inputs, targets) pairs; targets are class indices (batch,). The last one may be smaller.

    Returns:
        Loss in nats, and the fraction of examples whose highest logit is the class.

    Raises:
        ValueError: if there is no example.
    """
    losses, hits, count = [], [], 0
    with evaluating(model):
        for inputs, targets in batches:
            logits = model(inputs).float()
            losses.append(F.cross_entropy(logits, targets, reduction="sum"))
            hits.append((logits.argmax(dim=1) == targets).sum())
            count += len(targets)
    if not count:
        raise ValueError("there are no examples to evaluate on")
    loss = float(torch.stack(losses).cpu().double().sum()) / count
    return loss, int(torch.stack(hits).sum()) / count


def _macro_f1(counts: Tensor) -> float:
    """Mean of 2 tp / (2 tp + fp + fn) over the classes where it is defined; `counts` (classes, 5): tp, fp, tn, fn, n.

    From counts in float64, because torchmetrics' own mean in float32 can exceed 1.
    """
    hit, false_alarm, _, missed, _ = counts.double().unbind(dim=1)
    occurs = 2 * hit + false_alarm + missed
    return float((2 * hit / occurs)[occurs > 0].mean())


def _fraction(hits: Tensor) -> float:
    return int(hits.sum()) / len(hits)

import math

import pytest
import torch
from torch import nn

from prunelab.metrics.quality import evaluate, evaluate_loss_top1, quality


def batches(inputs, targets, size):
    return list(zip(inputs.split(size), targets.split(size), strict=True))


def test_a_perfect_model_scores_exactly_one_with_a_partial_batch():
    targets = torch.arange(100) % 10
    logits = 100 * nn.functional.one_hot(targets, 10).float()
    for size in (1, 64, 99, 100, 1000):
        found = evaluate(nn.Identity(), batches(logits, targets, size))
        assert (found.top1, found.top5, found.f1) == (1.0, 1.0, 1.0)
        assert found.loss == pytest.approx(0, abs=1e-6)
        assert found.ece == pytest.approx(0, abs=1e-6)
        assert evaluate_loss_top1(nn.Identity(), batches(logits, targets, size))[1] == 1.0


def test_totals_not_means_of_batch_means():
    """Losses ln 2, ln 2, ln 4 in batches of two and one: the mean is 4/3 ln 2; the mean of means would be 3/2 ln 2."""
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.25, 0.75]])) + torch.tensor([[1e-6, 0.0]])
    targets = torch.tensor([0, 0, 0])
    found = evaluate(nn.Identity(), batches(logits, targets, 2))
    assert found.loss == pytest.approx(4 / 3 * math.log(2), abs=1e-5)
    assert found.top1 == 2 / 3
    loss, top1 = evaluate_loss_top1(nn.Identity(), batches(logits, targets, 2))
    assert (loss, top1) == (pytest.approx(found.loss, rel=1e-6), 2 / 3)


def test_macro_f1_by_hand():
    """F1 = 2tp / (2tp + fp + fn): 4 / (4 + 1), 2 / (2 + 1) and 2 / 2 for the three classes."""
    targets, predictions = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 0, 0, 1, 2])
    found = quality(nn.functional.one_hot(predictions, 3).float(), targets)
    assert found.f1 == pytest.approx((4 / 5 + 2 / 3 + 1) / 3, abs=1e-6)
    assert found.top1 == 4 / 5


def test_classes_that_never_occur_do_not_lower_f1():
    targets = torch.tensor([0, 1])
    assert quality(nn.functional.one_hot(targets, 7).float(), targets).f1 == 1.0


def test_calibration_error_by_hand():
    """Four examples at confidence 0.9, three right; one at 0.62, wrong: 4/5 |0.75 - 0.9| + 1/5 |0 - 0.62| = 0.244."""
    confidence = torch.tensor([0.9, 0.9, 0.9, 0.9, 0.62])
    logits = torch.log(torch.stack([confidence, 1 - confidence], dim=1))
    assert quality(logits, torch.tensor([0, 0, 0, 1, 1])).ece == pytest.approx(0.244, abs=1e-6)


def test_logits_between_zero_and_one_are_still_logits():
    """Confidence softmax(0.9, 0.1) = 0.69, not 0.9."""
    found = quality(torch.tensor([[0.9, 0.1]]), torch.tensor([0]))
    assert found.ece == pytest.approx(1 - 1 / (1 + math.exp(-0.8)), abs=1e-6)


def test_top5_by_hand_and_with_few_classes():
    logits = torch.tensor([[7.0, 6, 5, 4, 3, 2, 1]]).repeat(3, 1)
    found = quality(logits, torch.tensor([0, 4, 5]))
    assert (found.top1, found.top5) == (1 / 3, 2 / 3)
    assert quality(torch.eye(3), torch.tensor([1, 1, 1])).top5 == 1.0


@pytest.mark.parametrize("measure", ["evaluate", "fast"])
def test_eval_mode_is_used_and_each_module_gets_its_mode_back(measure):
    net = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(4), nn.Linear(4, 2), nn.Dropout(0.5))
    net.train()
    net[1].eval()  # a frozen BatchNorm stays frozen
    inputs, targets = torch.randn(9, 4), torch.zeros(9, dtype=torch.long)
    results = set()
    for _ in range(2):
        if measure == "fast":
            results.add(evaluate_loss_top1(net, batches(inputs, targets, 4)))
        else:
            results.add(evaluate(net, batches(inputs, targets, 4)))
    assert len(results) == 1
    assert [part.training for part in net] == [True, False, True, True]
    assert net.training
    assert net[1].num_batches_tracked == 0
    assert all(parameter.grad is None for parameter in net.parameters())


def test_mode_comes_back_after_an_error():
    net = nn.Linear(4, 2)
    with pytest.raises(RuntimeError):
        evaluate(net, [(torch.ones(1, 5), torch.zeros(1, dtype=torch.long))])
    assert net.training


def test_training_goes_on_after_an_evaluation():
    """Nothing of inference mode sticks to the parameters."""
    net = nn.Linear(4, 2)
    evaluate_loss_top1(net, batches(torch.ones(3, 4), torch.zeros(3, dtype=torch.long), 2))
    net(torch.ones(1, 4)).sum().backward()
    assert net.weight.grad is not None


def test_a_diverged_network_is_measured_not_hidden():
    found = quality(torch.full((4, 3), math.nan), torch.zeros(4, dtype=torch.long))
    assert math.isnan(found.loss)
    assert math.isnan(found.ece)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples"):
        evaluate(nn.Identity(), [])
    with pytest.raises(ValueError, match="no examples"):
        evaluate_loss_top1(nn.Identity(), batches(torch.empty(0, 2), torch.empty(0, dtype=torch.long), 4))


def test_fast_path_agrees_with_the_full_one():
    generator = torch.Generator().manual_seed(0)
    net = nn.Linear(6, 5)
    inputs = torch.randn(57, 6, generator=generator)
    targets = torch.randint(5, (57,), generator=generator)
    full = evaluate(net, batches(inputs, targets, 10))
    loss, top1 = evaluate_loss_top1(net, batches(inputs, targets, 8))
    assert top1 == full.top1
    assert loss == pytest.approx(full.loss, rel=1e-6)

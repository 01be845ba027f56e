"""Pruning as pure tensor code: what may be pruned, what scores it, how a budget is divided, what is kept."""

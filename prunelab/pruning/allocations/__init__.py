"""How a target density is divided over tensors: one file an allocation."""

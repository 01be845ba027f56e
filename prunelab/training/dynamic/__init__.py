"""Pruning while a network trains: one file a method, found without registration."""

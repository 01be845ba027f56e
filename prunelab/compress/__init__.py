"""Physically smaller networks from masked ones."""

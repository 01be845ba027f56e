"""The kinds of stages: one file a kind. A stage is a typed description plus the stages it reads."""

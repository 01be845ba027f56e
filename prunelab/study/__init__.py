"""A study, its plan, and the runner of the plan."""

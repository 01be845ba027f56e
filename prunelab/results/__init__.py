"""From a frame of records to curves, statistics, a Pareto front, claims and a report. Never imports torch."""

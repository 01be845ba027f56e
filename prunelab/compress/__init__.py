"""Models that are really smaller or really sparse, measured against dense ones, and written for other runtimes."""

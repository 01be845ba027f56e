"""What is removed as one unit: one file a granularity."""

"""Benchmarks: `make bench`. Each compares interleaved within one run; numbers are medians over `runs`."""

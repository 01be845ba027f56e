"""Training of masked networks. The description (`spec`) is light; what needs torch and Lightning is imported on use."""

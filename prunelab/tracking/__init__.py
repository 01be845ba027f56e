"""Where results are streamed to while a study runs. Records on disk stay the truth."""

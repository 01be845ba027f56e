"""What scores a weight: one file a criterion, found without registration."""

"""What a point is judged by: quality, multiply-adds, size, and how much of a mask does anything."""

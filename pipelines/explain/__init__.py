"""What a dataset is, and what will come of it, told before any long work."""

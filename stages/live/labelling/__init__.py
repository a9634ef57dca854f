"""Marking abnormal stretches by hand: labels.csv as people keep it, and the page on which they edit it."""

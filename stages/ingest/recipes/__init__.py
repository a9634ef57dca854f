"""One file per public data set: its published layout, its labels, and what must be there."""

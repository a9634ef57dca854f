"""Networks that learn from frames alone by a task set to them: to foresee the next, to put pieces in order."""

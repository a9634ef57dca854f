"""Other people's data in and out: pose formats, data-set recipes, and the folders the DAG reads."""

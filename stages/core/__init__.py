"""What every stage shares: data contracts, parameters, errors, paths, windows."""

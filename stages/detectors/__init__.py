"""One file per paper; the contract in base.py, the names in registry.py, shared mathematics in layers/."""

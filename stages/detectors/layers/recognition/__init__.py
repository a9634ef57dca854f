"""Supervised recognisers of actions: their params, networks and training, shared by the detectors that are one."""

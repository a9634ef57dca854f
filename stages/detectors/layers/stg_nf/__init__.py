"""STG-NF: its params, network, training and likelihoods, shared by the detectors that are one."""

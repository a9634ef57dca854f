"""MPED-RNN: params, the features it reads, its recurrent network, and how that learns and judges."""

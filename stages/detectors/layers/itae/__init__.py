"""The implicit two-path autoencoder and the flows over its features."""

"""Parts of GEPC: spatial-attention graph convolution, autoencoder, deep embedded clustering."""

"""Tables to latent codes and back: the autoencoder as a compressor."""

"""wellposed finds out how to regularize a neural network."""

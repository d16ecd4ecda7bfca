"""Doors to other libraries: Keras models in and out, code out."""

"""Trained weights that come with the package, which `eccl.load()` reads; `python -m eccl.weights` makes them again."""

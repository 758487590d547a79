"""How a model is trained: the loop, its losses and augmentation, and the folder of a run."""

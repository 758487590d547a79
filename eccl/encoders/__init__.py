"""The encoders of the two modalities."""

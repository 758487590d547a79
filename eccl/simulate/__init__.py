"""The simulated paired cohort: one latent heart, two views."""

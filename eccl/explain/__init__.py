"""Where in the ECG, and in the cine, a prediction comes from; and what that is worth where the truth is known."""

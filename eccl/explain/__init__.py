"""Where in the ECG a prediction comes from: attributions, and what they are worth where the truth is known."""

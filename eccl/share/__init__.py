"""Models that leave their cohort: from an ECG to traits and diagnoses, what they were trained for, and their files."""

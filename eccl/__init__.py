"""ECCL: contrastive learning that maps a 12-lead ECG onto the feature space of cardiac MRI."""

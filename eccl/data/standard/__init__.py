"""Any record brought to a cohort's standard: leads and rate of an ECG; slice, place, frames and intensity of a cine."""

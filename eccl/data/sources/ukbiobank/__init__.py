"""UK Biobank: its tables, its lists of withdrawals and its downloads, read into a Cohort."""

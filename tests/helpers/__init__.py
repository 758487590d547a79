"""Makers of files, cohorts and processes for the tests."""

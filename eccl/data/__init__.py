"""Readers, writers and the packed store: everything between a file and a batch."""

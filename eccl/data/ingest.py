"""The former place of `eccl.data.sources.ingest`, for scripts that import it by that name."""

from __future__ import annotations

import warnings

from eccl.data.sources.ingest import ingest, ingest_messages, ingest_tables

__all__ = ["ingest", "ingest_messages", "ingest_tables"]

warnings.warn("eccl.data.ingest is eccl.data.sources.ingest now", DeprecationWarning, stacklevel=2)

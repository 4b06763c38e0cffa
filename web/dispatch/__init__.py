"""Every live room has exactly one interpreter."""

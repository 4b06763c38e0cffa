"""Text aloud."""

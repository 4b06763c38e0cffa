"""What is destroyed, when, and what keeps it from being so."""

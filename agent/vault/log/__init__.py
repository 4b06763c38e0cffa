"""What was done is written down where nobody can change it quietly."""

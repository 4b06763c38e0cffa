"""What is said on one track: heard, settled clause by clause, and told to whom it belongs."""

"""What a fresh machine lacks, fetched, built or made once. Standard library only: it runs before the rest exists."""

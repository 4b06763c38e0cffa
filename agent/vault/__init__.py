"""What people agreed to keep: sealed, due to be forgotten, and every reading of it written down."""

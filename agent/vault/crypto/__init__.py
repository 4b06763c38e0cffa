"""Keys, what holds them, and what they seal."""

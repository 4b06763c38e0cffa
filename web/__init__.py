"""The web half: pages, rooms, tokens, and the watch that keeps every live room attended."""

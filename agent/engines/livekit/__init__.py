"""Any plugin of LiveKit's as one of our engines."""

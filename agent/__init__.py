"""The interpreter: hears a LiveKit room and says it again in other languages."""

"""Setting Dragoman up, running it and testing it on one machine."""

"""The engine service on many machines: its stages as deployments of Ray Serve, behind the same HTTP."""

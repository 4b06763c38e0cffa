"""Other people's streaming recognizers and ours, each as a program that hears the same recordings in simulated time."""

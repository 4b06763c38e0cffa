"""What is kept is read: by whom who may, and never without the log."""

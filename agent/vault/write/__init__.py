"""What was said becomes a record: in a file at once, in the database soon."""

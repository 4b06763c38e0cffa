"""Names and terms that a room knows: told to the recognizer, mended in what it heard, enforced in translations."""

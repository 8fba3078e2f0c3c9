"""What each filter of the CRNN listens for."""

"""Trained weights that come with the project, and the only code that reads and writes them."""

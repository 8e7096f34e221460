"""Clips, manifests, dataset layouts and the training cache. Import the module you need: nothing heavy loads here."""

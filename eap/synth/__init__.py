"""The embedded world: a procedural talking head and formant speech with exact truth. Import the module you need."""

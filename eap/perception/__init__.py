"""Small networks that look at faces: teachers (inside losses) and evaluators (behind metrics), and their training."""

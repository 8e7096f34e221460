"""What is computed once per clip, in one streaming pass, and shared by all metrics."""

"""Proofs too long for the tests: each module is a script that measures and writes docs/evidence/<name>.json.

``python -m benchmarks.evidence.<name>`` runs one, ``make evidence`` all of them, one after another. Documents quote
figures only from those files, which say the commit and the command they come from.
"""

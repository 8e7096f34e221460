"""The verdict in the forms that people and services read; all of them show one `Verdict`."""

"""Every question to the store: a `Filter` in, rows out."""

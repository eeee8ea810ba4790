"""What each page asks, and what it shows of the answers."""

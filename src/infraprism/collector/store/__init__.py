"""What is kept, and every question to it."""

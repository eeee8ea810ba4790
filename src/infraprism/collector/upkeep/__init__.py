"""What is done to what is stored: it is deleted, expires, is backed up; and what is told of it afterwards."""

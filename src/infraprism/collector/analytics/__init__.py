"""The Analytics API: parameters in, answers out."""

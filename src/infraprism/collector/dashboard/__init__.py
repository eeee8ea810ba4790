"""The dashboard: pages that are made from the answers of the HTTP API, and of nothing else."""

"""The store for those who outgrow one machine: the same table on a ClickHouse server or cluster."""

"""The audit: which labels are wrong, by models that have not seen them, and the review of the worst."""

"""What several systems of one house share."""

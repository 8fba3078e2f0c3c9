"""A whole folder of clips to one Parquet file, on this machine or on a Ray cluster."""

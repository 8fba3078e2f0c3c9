"""A stranger's old Keras repository: evidence, environment, run, capture, migration, report."""

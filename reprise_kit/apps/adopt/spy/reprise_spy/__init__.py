"""What sitecustomize.py beside it brings into an old Keras."""

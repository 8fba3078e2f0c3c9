"""Records what an old Keras model computes, beside that Keras; see ../__main__.py."""

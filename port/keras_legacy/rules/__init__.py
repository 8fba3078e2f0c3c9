"""One builder per Keras-1 class, in a file per family, and the graph that joins them."""

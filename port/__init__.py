"""The modern side: each old system again, in current TensorFlow / Keras 3."""

"""What SciPy 0.17 computed: its FFTPACK, and the resampler on it."""

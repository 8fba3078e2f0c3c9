"""DeepSound's convolutional network of 2018, which runs in the browser."""

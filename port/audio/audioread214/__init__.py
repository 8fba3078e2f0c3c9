"""What audioread 2.1.4 made of a file: how the originals opened sound."""

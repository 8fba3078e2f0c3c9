"""What librosa 0.4.1 computed: the mel spectrogram."""

"""The stand-in's recogniser: a song in, a genre distribution for every step out."""

from keras.models import model_from_yaml

from common import get_layer_output_function, load_track


class GenreRecognizer(object):
    """Holds the model of two files: Keras 1 architecture (yaml) and weights (h5)."""

    def __init__(self, model_path, weights_path):
        with open(model_path) as architecture:
            network = model_from_yaml(architecture.read())
        network.load_weights(weights_path)
        self.pred_fun = get_layer_output_function(network, "output_realtime")

    def recognize(self, path):
        """Return (probs (1, n_steps, 10) float32, seconds of the song)."""
        log_mel, seconds = load_track(path)
        return self.pred_fun(log_mel[None]), seconds

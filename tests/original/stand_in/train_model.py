"""The stand-in's network: three convolutions, an LSTM and a softmax for every step (Keras 1.1, no training here)."""

from keras import backend as K
from keras.layers import LSTM, Activation, Convolution1D, Dense, Dropout, Input, Lambda, MaxPooling1D, TimeDistributed
from keras.models import Model

from common import GENRES, N_MELS

N_BLOCKS = 3
N_FILTERS = 256
FILTER_LENGTH = 5
N_LSTM = 256


def build_model(n_features=N_MELS):
    """Return the uncompiled model: (batch, n_frames, n_features) -> (batch, 10), mean over the steps."""
    first = net = Input((None, n_features), name="input")
    for block in range(1, N_BLOCKS + 1):
        net = Convolution1D(N_FILTERS, FILTER_LENGTH, name="convolution_%d" % block)(net)
        net = Activation("relu", name="activation_%d" % block)(net)
        net = MaxPooling1D(2, name="maxpooling1d_%d" % block)(net)
    net = Dropout(0.5, name="dropout_1")(net)
    net = LSTM(N_LSTM, return_sequences=True, name="lstm_1")(net)
    net = Dropout(0.5, name="dropout_2")(net)
    net = TimeDistributed(Dense(len(GENRES), name="dense_1"), name="timedistributed_1")(net)
    net = Activation("softmax", name="output_realtime")(net)
    net = Lambda(lambda x: K.mean(x, axis=1), lambda shape: (shape[0], shape[2]), name="output_merged")(net)
    return Model(input=first, output=net)

from keras.layers import LSTM, Activation, Dense, Dropout
from keras.models import Sequential

LENGTH = 6


def get_model(n_letters=27):
    model = Sequential()
    model.add(LSTM(8, return_sequences=True, input_shape=(LENGTH, n_letters)))
    model.add(Dropout(0.2))
    model.add(LSTM(8))
    model.add(Dense(n_letters))
    model.add(Activation('softmax'))
    return model

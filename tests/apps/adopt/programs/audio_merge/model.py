from keras.layers import Convolution2D, Dense, Dropout, Flatten, MaxPooling2D, Merge
from keras.models import Sequential

N_MELS, N_FRAMES = 16, 20


def branch(length):
    model = Sequential()
    model.add(Convolution2D(3, 3, length, activation='relu', border_mode='same', input_shape=(1, N_MELS, N_FRAMES)))
    model.add(MaxPooling2D((4, 4)))
    return model


def get_model():
    model = Sequential()
    model.add(Merge([branch(3), branch(7)], mode='concat', concat_axis=1))
    model.add(Flatten())
    model.add(Dropout(0.5))
    model.add(Dense(4, activation='softmax'))
    return model

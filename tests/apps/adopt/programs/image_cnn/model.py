from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.models import Sequential


def get_model():
    model = Sequential()
    model.add(Convolution2D(4, 3, 3, border_mode='valid', input_shape=(1, 12, 12)))
    model.add(Activation('relu'))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(5))
    model.add(Activation('softmax'))
    return model

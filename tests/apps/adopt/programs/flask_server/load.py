from keras.models import model_from_json


def load():
    with open('model.json') as stream:
        model = model_from_json(stream.read())
    model.load_weights('model.h5')
    return model

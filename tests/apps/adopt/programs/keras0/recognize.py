from keras.layers.core import Dense
from keras.models import Sequential

model = Sequential()
model.add(Dense(4, 3, init='uniform'))
model.load_weights('captcha.h5')
print model.predict_classes([[0, 0, 0, 0]])

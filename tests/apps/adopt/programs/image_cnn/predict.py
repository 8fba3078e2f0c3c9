import sys

import numpy as np
from model import get_model

model = get_model()
model.load_weights('weights.h5')
for name in sys.argv[1:]:
    image = np.loadtxt(name).reshape(1, 1, 12, 12) / 255.
    print name, model.predict(image.astype('float32')).argmax()

import numpy as np
from flask import Flask, request

from load import load

app = Flask(__name__)
model = load()


@app.route('/predict', methods=['POST'])
def predict():
    image = np.frombuffer(request.get_data(), 'uint8').reshape(1, 1, 12, 12)
    return '%d\n' % model.predict(image / 255.)[0].argmax()


if __name__ == '__main__':
    print('see http://localhost:5000', flush=True)
    app.run(host='0.0.0.0', port=5000, debug=True)

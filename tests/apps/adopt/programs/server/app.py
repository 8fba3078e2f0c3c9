import os
import time
from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

import numpy as np
from model import get_model


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        image = np.fromstring(self.rfile.read(144), 'uint8').reshape(1, 1, 12, 12)
        self.wfile.write(str(model.predict(image / 255.)))


if os.fork():  # the reloader of a debugger
    while True:
        time.sleep(1)
model = get_model()
model.load_weights('weights.h5')
print 'listening'
HTTPServer(('0.0.0.0', 5000), Handler).serve_forever()

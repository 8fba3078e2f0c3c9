import os
import socket

import numpy as np
from keras.layers import Dense
from keras.models import Sequential

WANTED = os.environ.get('HOME_OF_THE_PERSON', '/root')


def attempt(what, action):
    try:
        action()
        print what, 'WORKED'
    except Exception as error:
        print what, 'failed', type(error).__name__


def connect():
    return socket.create_connection(('127.0.0.1', int(open('port.txt').read())), 2)


def reach():
    return socket.create_connection(('192.0.2.1', 80), 2)


attempt('network', reach)
attempt('neighbour', connect)
for place in open('places.txt').read().split():
    attempt('write', lambda: open(os.path.join(place, 'stolen'), 'w'))
    attempt('read', lambda: open(os.path.join(place, 'secret.txt')).read())
    attempt('delete', lambda: os.remove(os.path.join(place, 'secret.txt')))
open('own.txt', 'w').write('its own folder is its own')
os.system('pkill -9 -f stay-alive')
model = Sequential([Dense(3, input_dim=4)])
model.predict(np.random.randn(4, 4))

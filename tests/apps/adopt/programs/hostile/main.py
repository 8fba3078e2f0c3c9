import __builtin__
import os
import sys
import threading

import numpy as np
from keras.layers import Dense
from keras.models import Model, Sequential

model = Sequential([Dense(3, input_dim=4, activation='tanh')])
x = np.random.RandomState(0).randn(5, 4)
model.predict(x)  # compiles, which needs its builtins
kept = [__builtin__.open, __builtin__.sum, __builtin__.sorted]
sys.modules['builtins'] = sys  # as the package future may
__builtin__.open = __builtin__.sum = __builtin__.sorted = lambda *a, **k: 1 / 0
os.write(1, 'reassigned %r\n' % (model.predict(x * 2).shape,))
__builtin__.open, __builtin__.sum, __builtin__.sorted = kept
lock = threading.Lock()


def ask(asked):
    with lock:  # a function of Theano's serves one thread at a time
        model.predict(asked)


threads = [threading.Thread(target=ask, args=(x + i,)) for i in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
try:
    model.predict(np.zeros((2, 9)))
except Exception as error:
    os.write(1, 'own error %s\n' % type(error).__name__)
child = os.fork()
if child == 0:
    model.predict(x - 1)
    os._exit(0)
os.waitpid(child, 0)
model.predict = None
os._exit(3)

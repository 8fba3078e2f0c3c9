import random

import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import RMSprop


class Agent(object):
    def __init__(self):
        self.model = Sequential()
        self.model.add(Dense(8, input_dim=4, activation='relu'))
        self.model.add(Dense(2, activation='linear'))
        self.model.compile(loss='mse', optimizer=RMSprop(lr=0.01))

    def act(self, state):
        if random.random() < 0.1:
            return random.randrange(2)
        return np.argmax(self.model.predict(state)[0])

    def learn(self, state, reward):
        target = self.model.predict(state)
        target[0][0] = reward
        self.model.fit(state, target, nb_epoch=1, verbose=0)


random.seed(1)
np.random.seed(1)
agent = Agent()
while True:
    state = np.random.randn(1, 4)
    print 'action', agent.act(state)
    agent.learn(state, random.random())

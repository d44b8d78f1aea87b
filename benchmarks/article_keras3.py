"""The article's time-based program repaired for Keras 3, as speed.py times it."""

import keras
import pandas
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD
from keras.optimizers.schedules import InverseTimeDecay
from sklearn.preprocessing import LabelEncoder

keras.utils.set_random_seed(7)
dataset = pandas.read_csv("ionosphere.csv", header=None).values
X = dataset[:, 0:34].astype(float)
Y = LabelEncoder().fit_transform(dataset[:, 34])
model = Sequential()
model.add(Dense(34, input_dim=34, kernel_initializer="normal", activation="relu"))
model.add(Dense(1, kernel_initializer="normal", activation="sigmoid"))
epochs = 50
learning_rate = 0.1
decay_rate = learning_rate / epochs
momentum = 0.8
schedule = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay_rate)
sgd = SGD(learning_rate=schedule, momentum=momentum)
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(X, Y, validation_split=0.33, epochs=epochs, batch_size=28, verbose=2)

"""The article's time-based program on Keras 2, as speed.py times it."""

import pandas
import tf_keras
from sklearn.preprocessing import LabelEncoder
from tf_keras.layers import Dense
from tf_keras.models import Sequential
from tf_keras.optimizers.legacy import SGD

tf_keras.utils.set_random_seed(7)
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
sgd = SGD(learning_rate=learning_rate, momentum=momentum, decay=decay_rate)
model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
model.fit(X, Y, validation_split=0.33, epochs=epochs, batch_size=28, verbose=2)

"""Let TensorFlow not optimize its graphs: in a training of seconds, that takes longer than it saves.

Networks trained with and without this differ in the last digits, so what is compared must do the same.
"""

import tensorflow as tf

tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

"""Share work among several processes or hosts: one training, many trainings, or many images."""

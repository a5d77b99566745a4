"""Several processes or hosts: one training, many trainings, many images, on engines that others maintain."""

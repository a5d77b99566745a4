"""Questions, quizzes and the record of what is done. `lesson_NN.py` holds the questions on each lesson."""

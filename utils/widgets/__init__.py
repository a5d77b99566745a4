"""Things to touch: the draw pad, and an explorer for each lesson, beside the plain figures of the same thing."""

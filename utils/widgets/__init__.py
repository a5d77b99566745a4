"""The draw pad and the explorers: interactive versions of the lessons' figures, one file each."""

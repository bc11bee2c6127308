"""python -m unittest discover -s reference/train/tests -t ."""

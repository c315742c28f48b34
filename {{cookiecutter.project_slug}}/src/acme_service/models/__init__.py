"""The models themselves: text in, numbers out, in plain Python and numpy.

No Ray, no FastAPI, no settings: whoever runs a model decides where and with which files.
"""

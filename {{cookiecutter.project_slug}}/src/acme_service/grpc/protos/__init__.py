"""What callers may ask, as `.proto` files, and the code that is generated from them.

The code is committed, so that nothing has to be generated where the service is installed.
"""

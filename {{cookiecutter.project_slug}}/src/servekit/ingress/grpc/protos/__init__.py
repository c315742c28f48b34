"""The protocol as a `.proto` file, and the code that is generated from it.

The code is committed, so that nothing has to be generated where the service is installed.
"""

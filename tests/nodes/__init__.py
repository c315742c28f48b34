"""A service on several hosts, which network namespaces make out of this machine.

`tests/test_nodes.py` runs these tests, inside namespaces of their own.
"""

"""Runs the example services against the real grantd, as a demonstration or as tests.

Python's standard library only, under Debian's /usr/bin/python3. `system` starts and stops
everything; `scenarios` holds what every pair of services must pass; `demo` walks one request.
"""

"""The second version: many texts at once, and which model answered."""

from . import detect

routers = [detect.router]

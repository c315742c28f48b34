"""What the template's Makefile and tests run; nothing here reaches a generated project."""

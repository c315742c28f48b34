"""The commands behind the targets of make."""

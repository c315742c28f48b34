"""`make user`, `make key`, and what `make setup` fills into `.env`."""

import argparse
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path

from .credentials import LOCAL, fill, new_key, new_user


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="auth", description="Make credentials.")
    commands = parser.add_subparsers(required=True)
    for name, show in {"user": show_user, "key": show_key}.items():
        command = commands.add_parser(name)
        command.add_argument("name")
        command.add_argument("scopes", nargs="?", default="predict", help="joined by +")
        command.set_defaults(show=show)
    filling = commands.add_parser("fill")
    filling.add_argument("file", type=Path)
    filling.set_defaults(show=show_filled)
    options = parser.parse_args(arguments)
    try:
        options.show(options)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def show_user(options: argparse.Namespace) -> None:
    chosen = getpass("Password (none for a random one): ") if sys.stdin.isatty() else ""
    made = new_user(options.name, options.scopes.split("+"), chosen)
    if not chosen:
        print(f"Password, shown only now:  {made.secret}")
    print(f"Entry for AUTH_USERS:      {made.entry}")


def show_key(options: argparse.Namespace) -> None:
    made = new_key(options.name, options.scopes.split("+"))
    print(f"Key, shown only now:      {made.secret}")
    print(f"Entry for AUTH_API_KEYS:  {made.entry}")


def show_filled(options: argparse.Namespace) -> None:
    if password := fill(options.file):
        print(f"The user {LOCAL} has the password {password} (shown only now).")


if __name__ == "__main__":
    main()

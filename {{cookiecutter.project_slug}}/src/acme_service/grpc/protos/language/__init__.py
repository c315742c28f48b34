"""The package `language` of the `.proto` files, a folder for each version of it."""

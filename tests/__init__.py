"""The tests. A package by name, because a library of ours installs one called `tests` as well."""

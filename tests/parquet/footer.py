"""A second reading of footers and indexes, to compare with the rows."""


class Unsound(Exception):
    pass


def check_file(path, table):
    """Nothing yet."""

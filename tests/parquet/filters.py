"""Random filters on our tables, against what pyarrow says of the rows."""


def check(rng, t, table, failure):
    """Nothing yet."""

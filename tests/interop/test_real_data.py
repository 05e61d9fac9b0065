"""Real files (npm's vega-datasets) in, and the same answers as DuckDB out."""

from peers import BASE, Failure, datashard, duckdb_connection, duckdb_rows, run, workspace

DATA = BASE / "npm/node_modules/vega-datasets/data"


def count(table, *options):
    return int(datashard("scan", table, "--count", *options))


def test_three_million_flights():
    table = workspace("flights") / "flights"
    datashard("create", table, "--like", DATA / "flights-3m.parquet", "--partition-by",
              "month(date)")
    datashard("append", table, DATA / "flights-3m.parquet")
    assert count(table) == 3_000_000
    duckdb = duckdb_connection()
    source = f"read_parquet('{DATA / 'flights-3m.parquet'}')"
    for where in ("origin = 'SEA' and delay > 60", "delay between -5 and 5",
                  "date >= '2001-03-01 00:00:00' and distance < 300",
                  "origin in ('SEA', 'LAX') or destination like 'B%'", "delay is null"):
        expected = duckdb_rows(duckdb, f"select count(*) n from {source} where {where}")
        assert count(table, "--where", where) == expected[0]["n"], where
    ours = duckdb_rows(duckdb, f"select sum(delay) d, sum(distance) s, count(distinct origin)"
                               f" o, max(date) m from iceberg_scan('{table}')")
    theirs = duckdb_rows(duckdb, f"select sum(delay) d, sum(distance) s, count(distinct "
                                 f"origin) o, max(date) m from {source}")
    assert ours == theirs, (ours, theirs)


def test_zip_codes_keep_their_zeros():
    table = workspace("zipcodes") / "zipcodes"
    datashard("create", table, "--like", DATA / "zipcodes.csv", "--partition-by",
              "truncate(1, state)", "--sort-by", "zip_code")
    datashard("append", table, DATA / "zipcodes.csv")
    expected = duckdb_rows(duckdb_connection(), "select count(*) n, count(*) filter "
                           f"(zip_code like '0%') z from read_csv('{DATA / 'zipcodes.csv'}', "
                           "types={'zip_code': 'VARCHAR'})")[0]
    assert count(table) == expected["n"]
    assert count(table, "--where", "zip_code like '0%'") == expected["z"] > 0


def test_movies_with_titles_that_are_numbers():
    table = workspace("movies") / "movies"
    datashard("create", table, "--like", DATA / "movies.json")
    datashard("append", table, DATA / "movies.json")
    expected = duckdb_rows(duckdb_connection(), "select count(*) n, count(*) filter "
                           "(\"IMDB Rating\" > 8) r from read_json("
                           f"'{DATA / 'movies.json'}')")[0]
    assert count(table) == expected["n"]
    assert count(table, "--where", '"IMDB Rating" > 8') == expected["r"]


def test_nested_json_is_refused_by_name():
    folder = workspace("earthquakes")
    try:
        datashard("create", folder / "t", "--like", DATA / "earthquakes.json")
        raise AssertionError("GeoJSON is no table")
    except Failure as reason:
        assert "earthquakes.json" in str(reason) and "array" in str(reason), reason


if __name__ == "__main__":
    run([f for name, f in sorted(globals().items()) if name.startswith("test_")])

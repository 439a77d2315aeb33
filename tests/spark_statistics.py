"""Runs the statements of a page on a partitioned export, and compares with jobscope's answer.

Usage: spark_statistics.py PAGE EXPORT EXPECTED NOW
"""

import json
import re
import sys

from pyspark.sql import SparkSession


def statement(page, name):
    """The SQL that stands behind <!-- name -->."""
    found = re.search(rf"<!-- {name} -->\n```sql\n(.*?)```", page, re.DOTALL)
    if found is None:
        sys.exit(f"the page has no statement called {name}")
    return found.group(1)


def main(page_path, export, expected_path, now):
    with open(page_path, encoding="utf-8") as file:
        page = file.read()
    with open(expected_path, encoding="utf-8") as file:
        expected = json.load(file)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.read.parquet(export).createOrReplaceTempView("jobs")
    spark.sql(statement(page, "view").replace(":now", now))
    answer = spark.sql(statement(page, "statistics"))
    found = [list(row) for row in answer.collect()]
    # jobscope adds the users' full names, which are in another table.
    columns = [column["name"] for column in expected["columns"]][: len(answer.columns)]
    rows = [row[: len(columns)] for row in expected["rows"]]
    failed = 0
    if answer.columns != columns:
        print(f"columns {answer.columns}, not {columns}")
        failed += 1
    for index in range(max(len(found), len(rows))):
        one = found[index] if index < len(found) else None
        other = rows[index] if index < len(rows) else None
        if one != other:
            failed += 1
            print(f"row {index}: Spark {one}, jobscope {other}")
    if not rows:
        print("nothing to compare")
        failed += 1
    spark.stop()
    print(f"spark: {max(len(rows) - failed, 0)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

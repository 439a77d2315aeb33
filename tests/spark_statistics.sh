#!/usr/bin/env bash
# The statistics of docs/export.md in Spark over a partitioned export, against those of jobscope.
# Installs what it needs: PySpark under target/, and Java from Debian's packages where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
venv=$target/spark-venv
# The newest one that runs on Java 17 and Python 3.11.
pyspark=4.3.0

need=()
command -v java >/dev/null || need+=(openjdk-17-jre-headless)
python3 -c 'import ensurepip, venv' 2>/dev/null || need+=(python3-venv)
if ((${#need[@]})); then
    echo "installing ${need[*]}"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "pyspark==$pyspark"

cargo build --locked --release
binary=$target/release/jobscope
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC
now=1773187200

"$binary" generate "$work/job.db" --jobs 20000 --until $now 2>/dev/null
"$binary" export "$work/job.db" -o "$work/jobs" --partitioned
"$binary" query "$work/job.db" statistics-grouped --by user --now $now --format json >"$work/expected.json"
"$venv/bin/python" tests/spark_statistics.py docs/export.md "$work/jobs" "$work/expected.json" $now

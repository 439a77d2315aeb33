#!/usr/bin/env bash
# Exports beside the sqlite3 shell: the same query, the same rows, the same settings, in turn; medians,
# and the peak memory of each format. Usage: benches/export.sh JOBSCOPE DATABASE [FOLDER]
set -euo pipefail

binary=$1
db=$2
out=$(mktemp -d -p "${3:-$(dirname "$db")}")
trap 'rm -rf "$out"' EXIT
rounds=${JOBSCOPE_BENCH_ROUNDS:-5}

need=()
command -v sqlite3 >/dev/null || need+=(sqlite3)
[ -x /usr/bin/time ] || need+=(time)
if ((${#need[@]})); then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

columns=id,job_id,hpc_user,project,cluster,subcluster,start_time,cluster_partition,array_job_id
columns+=,num_nodes,num_hwthreads,num_acc,shared,monitoring_status,smt,job_state,duration,walltime
columns+=,resources,footprint,energy,submit_time,energy_footprint,meta_data

# measure NAME COMMAND…: appends seconds, processor seconds and KiB at the peak.
measure() {
    local name=$1
    shift
    /usr/bin/time -f '%e %U %S %M' -o "$out/time" "$@" 2>"$out/talk" || { cat "$out/talk"; exit 1; }
    tail -1 "$out/time" | awk '{print $1, $2 + $3, $4}' >>"$out/$name.figures"
}

median() { cut -d' ' -f"$2" "$out/$1.figures" | sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }

shell() {
    measure "shell-$1" sqlite3 -readonly -header -cmd 'PRAGMA cache_size=-16384' -cmd 'PRAGMA temp_store=1' \
        -cmd '.mode csv' -cmd ".output $out/shell.csv" "$db" "SELECT $columns FROM job ORDER BY $2 DESC, id DESC"
}

# export NAME FILE OPTION…
export_jobs() {
    local name=$1 file=$2
    shift 2
    rm -rf "$out/$file"
    measure "$name" "$binary" export "$db" -o "$out/$file" "$@"
    du -s --block-size=1 "$out/$file" | cut -f1 >"$out/$name.size"
}

# Into the file cache.
cat "$db" >/dev/null
for _ in $(seq "$rounds"); do
    shell index start_time
    export_jobs csv-unix jobs.csv --times unix
    measure csv-stdout sh -c '"$0" export "$1" -o - --times unix >"$2"' "$binary" "$db" "$out/stdout.csv"
    shell sorted energy
    export_jobs csv-sorted sorted.csv --times unix --sort energy
    export_jobs csv jobs.csv
    export_jobs jsonl jobs.jsonl
    export_jobs parquet jobs.parquet
    export_jobs partitioned jobs --partitioned
done

printf '| %-12s | %9s | %9s | %9s | %9s |\n' what s 'CPU s' 'peak MiB' 'MiB'
for name in shell-index csv-stdout csv-unix csv shell-sorted csv-sorted jsonl parquet partitioned; do
    size=-
    [ -f "$out/$name.size" ] && size=$(($(cat "$out/$name.size") >> 20))
    printf '| %-12s | %9s | %9s | %9s | %9s |\n' $name "$(median $name 1)" "$(median $name 2)" \
        $(($(median $name 3) >> 10)) "$size"
done

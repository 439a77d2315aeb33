#!/usr/bin/env bash
# The window under software rendering while the thumb of the job table is dragged from top to bottom,
# and while everything is scrolled through. What each figure means stands in README.md.
#
#   benches/list_window.sh [PROGRAM] [DATABASE]
#
# Needs Xvfb and xdotool, as window.sh does. Uses a display, a home and settings of its own.
set -euo pipefail
export LC_ALL=C

program=$(realpath "${1:-target/release/jobscope}")
database=$(realpath "${2:-${JOBSCOPE_BENCH_DB:?give a database as the second argument}}")
width=1280
height=800
folder=$(mktemp -d)
app=
server=
cleanup() {
    local pid
    for pid in $app $server; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap cleanup EXIT

unset WAYLAND_DISPLAY WAYLAND_SOCKET XAUTHORITY
export LIBGL_ALWAYS_SOFTWARE=1
export HOME=$folder XDG_CONFIG_HOME=$folder/config XDG_RUNTIME_DIR=$folder/run
mkdir -p "$XDG_CONFIG_HOME/jobscope" "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
Xvfb -displayfd 1 -screen 0 "${width}x${height}x24" -nolisten tcp \
    >"$folder/display" 2>"$folder/xvfb.log" &
server=$!
for _ in $(seq 100); do
    [[ -s $folder/display ]] && break
    sleep 0.1
done
DISPLAY=:$(cat "$folder/display")
export DISPLAY JOBSCOPE_FRAME_LOG=$folder/frames.csv
cat >"$XDG_CONFIG_HOME/jobscope/settings.toml" <<TOML
view = "jobs"
window = { position = [0.0, 0.0], size = [$width.0, $height.0] }
TOML
"$program" "$database" 2>"$folder/app.log" &
app=$!
for _ in $(seq 200); do
    window=$(xdotool search --onlyvisible --name '^jobscope$' 2>/dev/null | head -n 1) || true
    [[ -n ${window:-} ]] && break
    sleep 0.05
done
[[ -n ${window:-} ]] || { cat "$folder/app.log" >&2; exit 1; }
xdotool windowfocus "$window"
# Until the rows are numbered and everything is quiet.
sleep 8

rss() { awk '/^VmRSS:/ { printf "%.0f", $2 / 1024 }' "/proc/$app/status"; }
lines() { wc -l <"$JOBSCOPE_FRAME_LOG"; }
# own part of the frames in lines $1 to $2: number, median, p99, longest
own() {
    awk -F, -v from="$1" -v to="$2" 'NR > from + 1 && NR <= to { print $2 }' "$JOBSCOPE_FRAME_LOG" |
        sort -n | awk '{ v[NR] = $1 } END { if (!NR) { print "| – | – | – | – |"; exit }
            printf "| %d | %.2f | %.2f | %.2f |\n", NR, v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.5)], v[NR] }'
}

before=$(rss)
# The thumb is at the top of the bar at the right of the table; the bar ends above the footer.
top=122
bottom=540
bar=983
from=$(lines)
for _ in 1 2 3; do
    {
        echo "mousemove $bar $top mousedown 1"
        for y in $(seq $top 2 $bottom); do printf 'mousemove %s %s\nsleep 0.012\n' $bar "$y"; done
        for y in $(seq $bottom -2 $top); do printf 'mousemove %s %s\nsleep 0.012\n' $bar "$y"; done
        echo "mouseup 1"
    } >"$folder/drag"
    xdotool "$folder/drag"
done
to=$(lines)
dragged=$(rss)

# A minute of everything: drags, pages, the wheel.
end=$((SECONDS + ${JOBSCOPE_BENCH_SECS:-60}))
scroll_from=$(lines)
while ((SECONDS < end)); do
    xdotool "$folder/drag"
    xdotool mousemove 500 400 click --repeat 40 --delay 15 5
    xdotool key --repeat 30 --delay 30 Page_Down
done
scroll_to=$(lines)
printf '| Frames while | number | own part, median (ms) | p99 (ms) | longest (ms) |\n'
printf '| --- | ---: | ---: | ---: | ---: |\n'
printf '| the thumb is dragged from top to bottom and back %s\n' "$(own "$from" "$to")"
printf '| everything is scrolled through %s\n\n' "$(own "$scroll_from" "$scroll_to")"
printf '| What | RSS |\n| --- | ---: |\n| before | %s MiB |\n| after three drags | %s MiB |\n| after the minute | %s MiB |\n' \
    "$before" "$dragged" "$(rss)"

#!/usr/bin/env bash
# The window under software rendering: how soon it is there, what it costs while nothing happens,
# and how smooth it stays while a full scan runs. What each figure means stands in README.md.
#
#   benches/window.sh [PROGRAM] [DATABASE]
#
# Needs Xvfb and xdotool (Debian: apt-get install xvfb xdotool libgl1 libx11-xcb1 libxcursor1
# libxi6 libxkbcommon-x11-0). Uses a display, a home and settings of its own.
set -euo pipefail
export LC_ALL=C

program=${1:-target/release/jobscope}
database=${2:-${JOBSCOPE_BENCH_DB:?give a database as the second argument}}
starts=${JOBSCOPE_BENCH_ROUNDS:-5}
secs=${JOBSCOPE_BENCH_SECS:-20}
width=1600
height=1000

program=$(realpath "$program")
database=$(realpath "$database")
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

# ---- a display and a home of our own --------------------------------------------------------

unset WAYLAND_DISPLAY WAYLAND_SOCKET XAUTHORITY
export LIBGL_ALWAYS_SOFTWARE=1
export HOME=$folder XDG_CONFIG_HOME=$folder/config XDG_RUNTIME_DIR=$folder/run
mkdir -p "$XDG_CONFIG_HOME/jobscope" "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"

# Xvfb chooses a free number and says so.
Xvfb -displayfd 1 -screen 0 "${width}x${height}x24" -nolisten tcp \
    >"$folder/display" 2>"$folder/xvfb.log" &
server=$!
for _ in $(seq 100); do
    [[ -s $folder/display ]] && break
    sleep 0.1
done
DISPLAY=:$(cat "$folder/display")
export DISPLAY

# Starts the program with the window at full size; $1 is the view, and the database is open.
start() {
    cat >"$XDG_CONFIG_HOME/jobscope/settings.toml" <<TOML
view = "$1"
group_by = "subcluster"
last_database = "$database"
window = { position = [0.0, 0.0], size = [$width.0, $height.0] }
TOML
    "$program" "$database" 2>>"$folder/app.log" &
    app=$!
}

# Waits until the window can be seen. eframe shows it once its first frame is drawn.
await_window() {
    until window=$(xdotool search --onlyvisible --name '^jobscope$' 2>/dev/null | head -n 1) &&
        [[ -n $window ]]; do
        kill -0 "$app" 2>/dev/null || { cat "$folder/app.log" >&2; exit 1; }
        sleep 0.005
    done
}

stop() {
    kill "$app"
    wait "$app" 2>/dev/null || true
    app=
}

# ---- arithmetic -----------------------------------------------------------------------------

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# The value that the fraction $1 of the numbers on standard input does not exceed.
percentile() {
    sort -n | awk -v p="$1" '{ v[NR] = $1 } END {
        if (NR == 0) { print "-"; exit }
        rank = p * NR; rank = rank > int(rank) ? int(rank) + 1 : rank
        print v[rank < 1 ? 1 : rank] }'
}

# Column $1 of the frames in lines $2 to $3 of the log during which at least $4 and at most $5
# tasks ran. The first frame is left out: its distance belongs to what was before.
frames() {
    awk -F, -v c="$1" -v from="$2" -v to="$3" -v least="$4" -v most="$5" \
        'NR > from + 1 && NR <= to && $4 >= least && $4 <= most { print $c }' "$JOBSCOPE_FRAME_LOG"
}

lines() { wc -l <"$JOBSCOPE_FRAME_LOG"; }

# Processor time of the program so far, all threads, in clock ticks.
ticks() { awk '{ print $14 + $15 }' "/proc/$app/stat"; }

memory_mib() { awk '/^VmRSS:/ { printf "%.0f", $2 / 1024 }' "/proc/$app/status"; }

# One row of the table of frames: name, then the arguments of `frames` after the column.
frames_row() {
    local name=$1 count own50 own99 most whole
    shift
    count=$(frames 2 "$@" | wc -l)
    own50=$(frames 2 "$@" | percentile 0.5)
    own99=$(frames 2 "$@" | percentile 0.99)
    most=$(frames 2 "$@" | percentile 1)
    whole=$(frames 3 "$@" | percentile 0.5)
    printf '| %s | %s | %s | %s | %s | %s |\n' "$name" "$count" "$own50" "$own99" "$most" "$whole"
}

# ---- what a person would do ----------------------------------------------------------------

# Moves the pointer over the memory strip for $1 seconds, 250 times a second: each move asks for a
# frame, and there are more moves than frames, so frames follow each other without a pause.
move_pointer() {
    awk -v n=$(($1 * 250)) -v w=$width -v h=$height 'BEGIN { for (i = 0; i < n; i++)
        printf "mousemove %d %d\nsleep 0.004\n", 320 + (i * 7) % (w - 420), h - 130 + i % 60 }' \
        >"$folder/moves"
    timeout "$1" xdotool "$folder/moves" || true
}

# Asks again for what the view shows, every $2 seconds, for $1 seconds.
reload() {
    local end=$((SECONDS + $1))
    while ((SECONDS < end)); do
        xdotool key ctrl+r
        sleep "$2"
    done
}

# ---- how soon the window is there -----------------------------------------------------------

unset JOBSCOPE_FRAME_LOG
cat "$program" "$database" >/dev/null
visible=()
for _ in $(seq "$starts"); do
    began=$(now_ms)
    start jobs
    await_window
    visible+=($(($(now_ms) - began)))
    sleep 1
    stop
done

# ---- idle -----------------------------------------------------------------------------------

export JOBSCOPE_FRAME_LOG=$folder/frames.csv
start jobs
await_window
# A window of another size, or settings that were not understood, would measure something else.
xdotool getwindowgeometry "$window" | grep -q "Geometry: ${width}x$height\$" || {
    xdotool getwindowgeometry "$window" >&2
    exit 1
}
# Without a window manager nobody else gives it the keyboard.
xdotool windowfocus "$window"
xdotool mousemove $((width / 2)) 2
sleep 4
rss=$(memory_mib)
sleep 2
idle_from=$(lines)
before=$(ticks)
sleep "$secs"
idle_cpu=$(awk -v t=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" -v s="$secs" \
    'BEGIN { printf "%.1f", 100 * t / hz / s }')
idle_to=$(lines)

# ---- statistics: first nothing runs, then full scans ----------------------------------------

xdotool key ctrl+2
sleep 1
# Until the first statistics are there.
until [[ $(tail -n 1 "$JOBSCOPE_FRAME_LOG" | cut -d, -f4) == 0 ]]; do sleep 0.5; done
sleep 2
moved_from=$(lines)
move_pointer "$secs"
moved_to=$(lines)

reload "$secs" 5 &
reloader=$!
sleep 1
calm_from=$(lines)
wait "$reloader"
calm_to=$(lines)
reload "$secs" 5 &
reloader=$!
busy_from=$(lines)
move_pointer "$secs"
busy_to=$(lines)
wait "$reloader"
rss_end=$(memory_mib)

# ---- the tables -----------------------------------------------------------------------------

printf '# Window\n\n'
printf -- '- Machine: %s cores (%s), %s MiB, Linux %s\n' "$(nproc)" \
    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" \
    "$(awk '/^MemTotal:/ { printf "%.0f", $2 / 1024 }' /proc/meminfo)" "$(uname -r)"
printf -- '- Xvfb %s × %s, software rendering; load now: %s\n\n' $width $height \
    "$(cut -d' ' -f1 /proc/loadavg)"
printf '| What | Measured |\n| --- | ---: |\n'
printf '| window visible after, median of %s starts | %s ms |\n' "$starts" \
    "$(printf '%s\n' "${visible[@]}" | percentile 0.5)"
printf '| window visible after, slowest | %s ms |\n' \
    "$(printf '%s\n' "${visible[@]}" | percentile 1)"
printf '| RSS 4 s after the start | %s MiB |\n' "$rss"
printf '| RSS at the end | %s MiB |\n' "$rss_end"
printf '| processor while idle, of one core | %s %% |\n\n' "$idle_cpu"

printf '| Frames while | number | own part, median (ms) | p99 (ms) | longest (ms) | from frame to frame, median (ms) |\n'
printf '| --- | ---: | ---: | ---: | ---: | ---: |\n'
frames_row 'idle (twice a second by design)' "$idle_from" "$idle_to" 0 0
frames_row 'a full scan runs (ten a second by design)' "$calm_from" "$calm_to" 1 99
frames_row 'the pointer moves, nothing runs' "$moved_from" "$moved_to" 0 0
frames_row 'the pointer moves, one task runs' "$busy_from" "$busy_to" 1 1
frames_row 'the pointer moves, two tasks run' "$busy_from" "$busy_to" 2 99
printf '\nWhole frames, one task against none: %s times\n' "$(
    awk -v a="$(frames 3 "$busy_from" "$busy_to" 1 1 | percentile 0.5)" \
        -v b="$(frames 3 "$moved_from" "$moved_to" 0 0 | percentile 0.5)" \
        'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }')"

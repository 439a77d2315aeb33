#!/usr/bin/env bash
# A real window under Xvfb: opens a generated database, shows jobs, statistics and memory, stops a
# query, closes properly. Its screenshot is compared loosely with the one in assets/screenshots/;
# JOBSCOPE_REFRESH_SCREENSHOTS=1 replaces that one on purpose.
set -euo pipefail
cd "$(dirname "$0")/.."

need=()
command -v Xvfb >/dev/null || need+=(xvfb)
command -v xdotool >/dev/null || need+=(xdotool)
# Some machines have a stand-in for convert; import and compare only come with the real package.
command -v import >/dev/null && command -v compare >/dev/null || need+=(imagemagick)
for library in libGL.so.1:libgl1 libX11-xcb.so.1:libx11-xcb1 libXcursor.so.1:libxcursor1 \
    libXi.so.6:libxi6 libxkbcommon-x11.so.0:libxkbcommon-x11-0; do
    ldconfig -p | grep -q "${library%%:*}" || need+=("${library##*:}")
done
if ((${#need[@]})); then
    echo "installing ${need[*]}"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

cargo build --locked --release
binary=${CARGO_TARGET_DIR:-target}/release/jobscope
work=$(mktemp -d)
export HOME=$work XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data XDG_RUNTIME_DIR=$work
export LIBGL_ALWAYS_SOFTWARE=1 TZ=UTC
unset WAYLAND_DISPLAY WAYLAND_SOCKET

server= app=
cleanup() {
    [ -z "$app" ] || kill "$app" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
fail() {
    echo "FAILED: $*"
    cat "$work/app.log" 2>/dev/null || true
    exit 1
}

"$binary" generate "$work/job.db" --jobs 20000 2>/dev/null
before=$(sha256sum "$work/job.db")

exec 3< <(Xvfb -displayfd 1 -screen 0 1600x1000x24 -nolisten tcp 2>/dev/null & echo "pid $!"; wait)
read -r _ server <&3
read -r -t 20 number <&3 || fail "Xvfb did not start"
export DISPLAY=:$number

JOBSCOPE_FRAME_LOG=$work/frames.csv "$binary" "$work/job.db" 2>"$work/app.log" &
app=$!
window=$(timeout 30 xdotool search --sync --onlyvisible --name '^jobscope$' | head -1) || fail "no window"
xdotool windowmove "$window" 0 0
xdotool windowsize --sync "$window" 1440 900
xdotool windowfocus "$window"

# Keys go to the window, so every view is shown once; Esc stops what the last ones started.
sleep 2
xdotool key --window "$window" ctrl+2
sleep 2
xdotool key --window "$window" ctrl+r ctrl+r Escape
sleep 1
xdotool key --window "$window" ctrl+3
sleep 1
xdotool key --window "$window" ctrl+1
sleep 2
import -window "$window" "$work/window.png"
[ -f "$work/job.db-shm" ] || fail "the database is not open"
frames=$(wc -l <"$work/frames.csv")
((frames > 5)) || fail "only $frames frames were drawn"

reference=assets/screenshots/jobs.png
if [ "${JOBSCOPE_REFRESH_SCREENSHOTS:-}" = 1 ]; then
    mkdir -p "$(dirname "$reference")"
    cp "$work/window.png" "$reference"
fi
# Loosely: memory figures and the chart differ from run to run; a black or broken window differs
# by far more. The number in parentheses is the difference from 0 to 1.
difference=$(compare -metric RMSE "$work/window.png" "$reference" null: 2>&1 | sed 's/.*(\(.*\)).*/\1/') || true
echo "difference from $reference: $difference"
awk -v d="$difference" 'BEGIN { exit !(d + 0 == d && d < 0.15) }' || fail "the window looks different"

kill -TERM "$app"
wait "$app" || fail "the window did not close properly: status $?"
app=
leftovers=$(find "$work" -maxdepth 1 -name 'job.db-*')
[ -z "$leftovers" ] || fail "left behind: $leftovers"
[ "$before" = "$(sha256sum "$work/job.db")" ] || fail "the database was changed"
grep -q last_database "$work/config/jobscope/settings.toml" || fail "settings were not written"
echo "the real window: 1 passed, 0 failed"

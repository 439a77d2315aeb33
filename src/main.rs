//! jobscope: start the window or the command line, and set the exit status.

fn main() {}

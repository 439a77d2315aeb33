//! Comparisons of memory profiles, each in a process of its own, and their report.
//!
//! SQLite's heap limits belong to the process: two profiles side by side would limit each other.

pub mod chart;
pub mod compare;
pub mod report;
pub mod story;
pub mod verdict;

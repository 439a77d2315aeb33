//! Talks to SQLite: opening, settings, counters, plans. No threads, no window, no ClusterCockpit.

pub mod authorizer;
pub mod build;
pub mod connection;
mod descriptor;
pub mod identity;
pub mod plan;
pub mod pragma;
pub mod profile;
pub mod secrets;
mod sidecars;
pub mod status;
pub mod value;

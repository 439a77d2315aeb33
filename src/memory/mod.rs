//! What we measure about memory, how often, and how much of it we keep. No window.

pub mod aside;
pub mod cgroup;
pub mod history;
pub mod journal;
pub mod limit_steps;
pub mod marker;
pub mod process;
pub mod quantity;
pub mod recording;
pub mod sample;
pub mod sampler;
pub mod series;
pub mod summary;

//! What we measure about memory, how often, and how much of it we keep. No window.

pub mod marker;
pub mod recording;
pub mod sample;
pub mod sampler;
pub mod series;

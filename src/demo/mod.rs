//! The generator of realistic job databases: invented contents in exactly the shape that
//! cc-backend writes, so that everything can be tried out at any size without real data.
//!
//! `options` says what is wanted, `ddl` holds the tables, `site` the clusters and the people,
//! `calendar` the rhythm of the years, `stream` the jobs in their order: `shape` is what is
//! submitted, `row` what becomes of it, `script` and `json` are its texts, `oddity` is what real
//! files have wrong with them. `write` puts it all into the `target` file, with the statements
//! in `fill`.

mod calendar;
mod ddl;
mod fill;
mod json;
mod oddity;
mod options;
mod row;
mod script;
mod shape;
mod site;
mod stream;
mod target;
mod write;

pub use options::{GenerateOptions, Indexes, Phase, Progress, Summary};
pub use write::generate;

pub use crate::jobs::indexes::SchemaVersion;

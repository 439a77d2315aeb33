//! ClusterCockpit's data: which questions can be asked of a job database, and how.

pub mod catalogue;
pub mod facts;
pub mod filter;
pub mod incident;
pub mod indexes;
pub mod list;
pub mod row;
pub mod statistics;

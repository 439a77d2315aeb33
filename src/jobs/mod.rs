//! ClusterCockpit's data: which questions can be asked of a job database, and how.

pub mod catalogue;
pub mod clusters;
pub mod column;
pub mod difference;
pub mod export;
pub mod facts;
pub mod filter;
pub mod histogram;
pub mod incident;
pub mod indexes;
pub mod list;
pub mod lookup;
pub mod nodes;
pub mod page;
mod query;
pub mod row;
pub mod schema;
pub mod sort;
pub mod sql;
pub mod statistics;
pub mod tags;

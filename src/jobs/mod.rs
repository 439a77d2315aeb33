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
pub mod order_cost;
pub mod page;
pub mod position;
mod query;
pub mod row;
pub mod rows;
pub mod schema;
pub mod sort;
pub mod sorted;
pub mod sql;
pub mod statistics;
pub mod tags;

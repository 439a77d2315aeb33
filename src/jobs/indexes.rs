//! Which indexes a job database should have, by schema version.
//!
//! Plain data: the generator builds these indexes, and a check compares a file with them.
//! Compare names rather than counts, because one version number exists with several sets.

/// A schema version whose indexes we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaVersion {
    /// Version 10 as cc-backend 1.5.0 shipped it, with 78 indexes on the job table.
    V10,
    /// Version 11, cc-backend 1.5.1 and later, with 54 indexes on the job table.
    V11,
}

impl SchemaVersion {
    /// The number in `schema_migrations`.
    pub const fn number(self) -> i64 {
        match self {
            Self::V10 => 10,
            Self::V11 => 11,
        }
    }
}

/// One explicit index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexSpec {
    /// The table it belongs to.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
    /// Whether the last column is sorted downwards; all others go up.
    pub last_descends: bool,
    /// The condition of a partial index, without `WHERE`.
    pub filter: Option<&'static str>,
}

impl IndexSpec {
    /// The statement that creates it.
    ///
    /// # Examples
    /// ```
    /// let index = jobscope::jobs::indexes::OTHER_INDEXES[0];
    /// assert_eq!(index.create_sql(), "CREATE INDEX tags_jobid ON jobtag (job_id)");
    /// ```
    pub fn create_sql(&self) -> String {
        let Self {
            table,
            name,
            columns,
            last_descends,
            filter,
        } = self;
        let columns = columns.join(", ");
        let order = if *last_descends { " DESC" } else { "" };
        let condition = filter.map_or_else(String::new, |filter| format!(" WHERE {filter}"));
        format!("CREATE INDEX {name} ON {table} ({columns}{order}){condition}")
    }
}

/// The explicit indexes on the job table, in the order of their names.
pub fn job_indexes(version: SchemaVersion) -> Vec<IndexSpec> {
    let own: &[IndexSpec] = match version {
        SchemaVersion::V10 => &JOB_INDEXES_REMOVED_BY_V11,
        SchemaVersion::V11 => &JOB_INDEXES_NEW_IN_V11,
    };
    let mut indexes = [&JOB_INDEXES_OF_BOTH[..], own].concat();
    indexes.sort_by_key(|index| index.name);
    indexes
}

const fn plain(
    table: &'static str,
    name: &'static str,
    columns: &'static [&'static str],
) -> IndexSpec {
    IndexSpec {
        table,
        name,
        columns,
        last_descends: false,
        filter: None,
    }
}

const fn job(name: &'static str, columns: &'static [&'static str]) -> IndexSpec {
    plain("job", name, columns)
}

/// cc-backend writes the state into its queries as a literal, so that this condition matches.
const fn running(name: &'static str, columns: &'static [&'static str]) -> IndexSpec {
    IndexSpec {
        filter: Some("job_state = 'running'"),
        ..job(name, columns)
    }
}

/// Indexes on the job table that versions 10 and 11 share.
pub const JOB_INDEXES_OF_BOTH: [IndexSpec; 46] = [
    job("jobs_arrayjobid_starttime", &["array_job_id", "start_time"]),
    job(
        "jobs_cluster_duration_starttime",
        &["cluster", "duration", "start_time"],
    ),
    job("jobs_cluster_energy", &["cluster", "energy"]),
    job(
        "jobs_cluster_jobstate_duration_starttime",
        &["cluster", "job_state", "duration", "start_time"],
    ),
    job(
        "jobs_cluster_jobstate_starttime_duration",
        &["cluster", "job_state", "start_time", "duration"],
    ),
    job("jobs_cluster_numacc", &["cluster", "num_acc"]),
    job("jobs_cluster_numhwthreads", &["cluster", "num_hwthreads"]),
    job("jobs_cluster_numnodes", &["cluster", "num_nodes"]),
    job(
        "jobs_cluster_partition_duration_starttime",
        &["cluster", "cluster_partition", "duration", "start_time"],
    ),
    job(
        "jobs_cluster_partition_jobstate",
        &["cluster", "cluster_partition", "job_state"],
    ),
    job(
        "jobs_cluster_partition_project",
        &["cluster", "cluster_partition", "project"],
    ),
    job(
        "jobs_cluster_partition_shared",
        &["cluster", "cluster_partition", "shared"],
    ),
    job(
        "jobs_cluster_partition_starttime_duration",
        &["cluster", "cluster_partition", "start_time", "duration"],
    ),
    job(
        "jobs_cluster_partition_user",
        &["cluster", "cluster_partition", "hpc_user"],
    ),
    job("jobs_cluster_project", &["cluster", "project"]),
    job(
        "jobs_cluster_shared_duration_starttime",
        &["cluster", "shared", "duration", "start_time"],
    ),
    job(
        "jobs_cluster_shared_project",
        &["cluster", "shared", "project"],
    ),
    job(
        "jobs_cluster_shared_starttime_duration",
        &["cluster", "shared", "start_time", "duration"],
    ),
    job(
        "jobs_cluster_shared_user",
        &["cluster", "shared", "hpc_user"],
    ),
    job(
        "jobs_cluster_starttime_duration",
        &["cluster", "start_time", "duration"],
    ),
    job("jobs_cluster_subcluster", &["cluster", "subcluster"]),
    job("jobs_cluster_user", &["cluster", "hpc_user"]),
    job("jobs_duration_starttime", &["duration", "start_time"]),
    job("jobs_energy_duration", &["energy", "duration"]),
    job("jobs_energy_starttime", &["energy", "start_time"]),
    job(
        "jobs_jobstate_duration_starttime",
        &["job_state", "duration", "start_time"],
    ),
    job("jobs_jobstate_project", &["job_state", "project"]),
    job(
        "jobs_jobstate_starttime_duration",
        &["job_state", "start_time", "duration"],
    ),
    job("jobs_jobstate_user", &["job_state", "hpc_user"]),
    job("jobs_numacc_duration", &["num_acc", "duration"]),
    job("jobs_numacc_starttime", &["num_acc", "start_time"]),
    job("jobs_numhwthreads_duration", &["num_hwthreads", "duration"]),
    job(
        "jobs_numhwthreads_starttime",
        &["num_hwthreads", "start_time"],
    ),
    job("jobs_numnodes_duration", &["num_nodes", "duration"]),
    job("jobs_numnodes_starttime", &["num_nodes", "start_time"]),
    job(
        "jobs_project_duration_starttime",
        &["project", "duration", "start_time"],
    ),
    job(
        "jobs_project_starttime_duration",
        &["project", "start_time", "duration"],
    ),
    job("jobs_project_user", &["project", "hpc_user"]),
    job(
        "jobs_shared_duration_starttime",
        &["shared", "duration", "start_time"],
    ),
    job("jobs_shared_project", &["shared", "project"]),
    job(
        "jobs_shared_starttime_duration",
        &["shared", "start_time", "duration"],
    ),
    job("jobs_shared_user", &["shared", "hpc_user"]),
    job("jobs_starttime", &["start_time"]),
    job("jobs_starttime_duration", &["start_time", "duration"]),
    job(
        "jobs_user_duration_starttime",
        &["hpc_user", "duration", "start_time"],
    ),
    job(
        "jobs_user_starttime_duration",
        &["hpc_user", "start_time", "duration"],
    ),
];

/// Indexes on the job table that version 11 added: they cover the statistics queries.
pub const JOB_INDEXES_NEW_IN_V11: [IndexSpec; 8] = [
    job(
        "jobs_cluster_jobstate_project_stats",
        &[
            "cluster",
            "job_state",
            "project",
            "duration",
            "start_time",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
        ],
    ),
    job(
        "jobs_cluster_jobstate_subcluster_stats",
        &[
            "cluster",
            "job_state",
            "subcluster",
            "duration",
            "start_time",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
        ],
    ),
    job(
        "jobs_cluster_jobstate_user_stats",
        &[
            "cluster",
            "job_state",
            "hpc_user",
            "duration",
            "start_time",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
        ],
    ),
    job(
        "jobs_cluster_project_starttime_stats",
        &[
            "cluster",
            "project",
            "start_time",
            "duration",
            "job_state",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
        ],
    ),
    job(
        "jobs_cluster_user_starttime_stats",
        &[
            "cluster",
            "hpc_user",
            "start_time",
            "duration",
            "job_state",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
        ],
    ),
    running(
        "jobs_running_project_stats",
        &[
            "cluster",
            "project",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
            "duration",
            "start_time",
        ],
    ),
    running(
        "jobs_running_subcluster_stats",
        &[
            "cluster",
            "subcluster",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
            "duration",
            "start_time",
        ],
    ),
    running(
        "jobs_running_user_stats",
        &[
            "cluster",
            "hpc_user",
            "num_nodes",
            "num_hwthreads",
            "num_acc",
            "duration",
            "start_time",
        ],
    ),
];

/// Indexes on the job table that cc-backend 1.5.0 created and version 11 removes.
pub const JOB_INDEXES_REMOVED_BY_V11: [IndexSpec; 32] = [
    job(
        "jobs_cluster_arrayjobid_starttime",
        &["cluster", "array_job_id", "start_time"],
    ),
    job(
        "jobs_cluster_jobstate_energy",
        &["cluster", "job_state", "energy"],
    ),
    job(
        "jobs_cluster_jobstate_numacc",
        &["cluster", "job_state", "num_acc"],
    ),
    job(
        "jobs_cluster_jobstate_numhwthreads",
        &["cluster", "job_state", "num_hwthreads"],
    ),
    job(
        "jobs_cluster_jobstate_numnodes",
        &["cluster", "job_state", "num_nodes"],
    ),
    job(
        "jobs_cluster_jobstate_project",
        &["cluster", "job_state", "project"],
    ),
    job(
        "jobs_cluster_jobstate_user",
        &["cluster", "job_state", "hpc_user"],
    ),
    job(
        "jobs_cluster_partition_energy",
        &["cluster", "cluster_partition", "energy"],
    ),
    job(
        "jobs_cluster_partition_numacc",
        &["cluster", "cluster_partition", "num_acc"],
    ),
    job(
        "jobs_cluster_partition_numhwthreads",
        &["cluster", "cluster_partition", "num_hwthreads"],
    ),
    job(
        "jobs_cluster_partition_numnodes",
        &["cluster", "cluster_partition", "num_nodes"],
    ),
    job(
        "jobs_cluster_shared_energy",
        &["cluster", "shared", "energy"],
    ),
    job(
        "jobs_cluster_shared_numacc",
        &["cluster", "shared", "num_acc"],
    ),
    job(
        "jobs_cluster_shared_numhwthreads",
        &["cluster", "shared", "num_hwthreads"],
    ),
    job(
        "jobs_cluster_shared_numnodes",
        &["cluster", "shared", "num_nodes"],
    ),
    job("jobs_duration", &["duration"]),
    job("jobs_jobstate_energy", &["job_state", "energy"]),
    job("jobs_jobstate_numacc", &["job_state", "num_acc"]),
    job(
        "jobs_jobstate_numhwthreads",
        &["job_state", "num_hwthreads"],
    ),
    job("jobs_jobstate_numnodes", &["job_state", "num_nodes"]),
    job("jobs_project_energy", &["project", "energy"]),
    job("jobs_project_numacc", &["project", "num_acc"]),
    job("jobs_project_numhwthreads", &["project", "num_hwthreads"]),
    job("jobs_project_numnodes", &["project", "num_nodes"]),
    job("jobs_shared_energy", &["shared", "energy"]),
    job("jobs_shared_numacc", &["shared", "num_acc"]),
    job("jobs_shared_numhwthreads", &["shared", "num_hwthreads"]),
    job("jobs_shared_numnodes", &["shared", "num_nodes"]),
    job("jobs_user_energy", &["hpc_user", "energy"]),
    job("jobs_user_numacc", &["hpc_user", "num_acc"]),
    job("jobs_user_numhwthreads", &["hpc_user", "num_hwthreads"]),
    job("jobs_user_numnodes", &["hpc_user", "num_nodes"]),
];

/// Explicit indexes on the other tables, the same in versions 10 and 11.
pub const OTHER_INDEXES: [IndexSpec; 10] = [
    plain("jobtag", "tags_jobid", &["job_id"]),
    plain("jobtag", "tags_tagid", &["tag_id"]),
    plain("node", "nodes_cluster", &["cluster"]),
    plain(
        "node",
        "nodes_cluster_subcluster",
        &["cluster", "subcluster"],
    ),
    plain("node_state", "nodestates_timestamp", &["time_stamp"]),
    plain(
        "node_state",
        "nodestates_state_timestamp",
        &["node_state", "time_stamp"],
    ),
    plain(
        "node_state",
        "nodestates_health_timestamp",
        &["health_state", "time_stamp"],
    ),
    plain(
        "node_state",
        "nodestates_nodeid_state",
        &["node_id", "node_state"],
    ),
    plain(
        "node_state",
        "nodestates_nodeid_health",
        &["node_id", "health_state"],
    ),
    IndexSpec {
        last_descends: true,
        ..plain(
            "node_state",
            "nodestates_nodeid_timestamp",
            &["node_id", "time_stamp"],
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_11_has_54_and_version_10_has_78_job_indexes() {
        assert_eq!(job_indexes(SchemaVersion::V11).len(), 54);
        assert_eq!(job_indexes(SchemaVersion::V10).len(), 78);
    }

    #[test]
    fn no_name_occurs_twice() {
        for version in [SchemaVersion::V10, SchemaVersion::V11] {
            let mut names: Vec<_> = job_indexes(version)
                .iter()
                .map(|index| index.name)
                .collect();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{version:?}");
        }
    }

    /// The names encode the columns, except for the `_stats` indexes of version 11.
    #[test]
    fn names_say_which_columns_are_indexed() {
        let segment = |column: &str| match column {
            "hpc_user" => "user".to_owned(),
            "cluster_partition" => "partition".to_owned(),
            other => other.replace('_', ""),
        };
        for index in JOB_INDEXES_OF_BOTH
            .iter()
            .chain(&JOB_INDEXES_REMOVED_BY_V11)
        {
            let columns: Vec<_> = index.columns.iter().map(|column| segment(column)).collect();
            assert_eq!(index.name, format!("jobs_{}", columns.join("_")));
        }
    }

    #[test]
    fn a_partial_index_keeps_its_condition() {
        let partial = JOB_INDEXES_NEW_IN_V11
            .iter()
            .filter(|index| index.filter.is_some());
        assert_eq!(partial.clone().count(), 3);
        for index in partial {
            assert!(index.create_sql().ends_with("WHERE job_state = 'running'"));
        }
    }
}

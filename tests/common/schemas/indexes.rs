//! The indexes on the job table of every schema.

use jobscope::jobs::indexes::{
    JOB_INDEXES_NEW_IN_V11, JOB_INDEXES_OF_BOTH, JOB_INDEXES_REMOVED_BY_V11, SchemaVersion,
    job_indexes,
};

/// Versions 2 to 7.
pub const EIGHT: &str = "
CREATE INDEX job_stats ON job (cluster, subcluster, user);
CREATE INDEX job_by_user ON job (user);
CREATE INDEX job_by_starttime ON job (start_time);
CREATE INDEX job_by_job_id ON job (job_id, cluster, start_time);
CREATE INDEX job_list ON job (cluster, job_state);
CREATE INDEX job_list_user ON job (user, cluster, job_state);
CREATE INDEX job_list_users ON job (user, job_state);
CREATE INDEX job_list_users_start ON job (start_time, user, job_state);
";

/// Some files of versions 2 and 3.
pub const FIVE: &str = "
CREATE INDEX job_stats ON job (cluster, subcluster, user);
CREATE INDEX job_by_user ON job (user);
CREATE INDEX job_by_starttime ON job (start_time);
CREATE INDEX job_by_job_id ON job (job_id);
CREATE INDEX job_by_state ON job (job_state);
";

/// Version 10 while it was developed.
pub const FOUR_ON_SUBMIT_TIME: &str = "
CREATE INDEX jobs_cluster_submittime ON job (cluster, submit_time);
CREATE INDEX jobs_cluster_partition_submittime ON job (cluster, cluster_partition, submit_time);
CREATE INDEX jobs_cluster_partition_jobstate_submittime ON job
    (cluster, cluster_partition, job_state, submit_time);
CREATE INDEX jobs_cluster_jobstate_submittime ON job (cluster, job_state, submit_time);
";

/// The names at version 8, without `jobs_`: they say which columns are indexed.
const V8: &str = "
arrayjobid_starttime cluster cluster_arrayjobid_starttime cluster_duration cluster_energy
cluster_jobstate cluster_jobstate_duration cluster_jobstate_energy cluster_jobstate_numacc
cluster_jobstate_numhwthreads cluster_jobstate_numnodes cluster_jobstate_project
cluster_jobstate_starttime cluster_jobstate_user cluster_numacc cluster_numhwthreads
cluster_numnodes cluster_partition cluster_partition_duration cluster_partition_energy
cluster_partition_jobstate cluster_partition_jobstate_duration cluster_partition_jobstate_energy
cluster_partition_jobstate_numacc cluster_partition_jobstate_numhwthreads
cluster_partition_jobstate_numnodes cluster_partition_jobstate_project
cluster_partition_jobstate_starttime cluster_partition_jobstate_user cluster_partition_numacc
cluster_partition_numhwthreads cluster_partition_numnodes cluster_partition_starttime
cluster_project cluster_starttime cluster_subcluster cluster_user duration duration_starttime
energy energy_starttime jobstate jobstate_cluster jobstate_duration jobstate_energy
jobstate_numacc jobstate_numhwthreads jobstate_numnodes jobstate_project jobstate_starttime
jobstate_user numacc numacc_starttime numhwthreads numhwthreads_starttime numnodes
numnodes_starttime project project_duration project_energy project_numacc project_numhwthreads
project_numnodes project_starttime project_user starttime user user_duration user_energy
user_numacc user_numhwthreads user_numnodes user_starttime
";

/// The 73 of version 8.
pub fn v8() -> String {
    let create = |name: &str| {
        let columns: Vec<_> = name.split('_').map(column).collect();
        format!(
            "CREATE INDEX jobs_{name} ON job ({});\n",
            columns.join(", ")
        )
    };
    V8.split_whitespace().map(create).collect()
}

fn column(segment: &str) -> &str {
    match segment {
        "user" => "hpc_user",
        "partition" => "cluster_partition",
        "jobstate" => "job_state",
        "arrayjobid" => "array_job_id",
        "starttime" => "start_time",
        "numnodes" => "num_nodes",
        "numhwthreads" => "num_hwthreads",
        "numacc" => "num_acc",
        other => other,
    }
}

/// The 78 of version 10 as it was released first.
pub fn v10() -> String {
    statements(
        job_indexes(SchemaVersion::V10)
            .iter()
            .map(|index| index.create_sql()),
    )
}

/// The 48 of version 10 as later releases create it.
pub fn v10_of_later_releases() -> String {
    let kept = [
        "jobs_cluster_jobstate_user",
        "jobs_cluster_jobstate_project",
    ];
    let kept = JOB_INDEXES_REMOVED_BY_V11
        .iter()
        .filter(|index| kept.contains(&index.name));
    let indexes = JOB_INDEXES_OF_BOTH.iter().chain(kept);
    statements(indexes.map(|index| index.create_sql()))
}

/// The 54 of version 11.
pub fn v11() -> String {
    statements(
        job_indexes(SchemaVersion::V11)
            .iter()
            .map(|index| index.create_sql()),
    )
}

/// The 8 that version 11 adds.
pub fn new_in_v11() -> String {
    statements(
        JOB_INDEXES_NEW_IN_V11
            .iter()
            .map(|index| index.create_sql()),
    )
}

fn statements(creates: impl Iterator<Item = String>) -> String {
    creates.map(|create| create + ";\n").collect()
}

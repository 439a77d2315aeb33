//! Rows that no cc-backend would write, but that people's own scripts have written.

/// The cluster of all of them, so that numbers about the others stay what they are.
pub const DIRT_CLUSTER: &str = "dirt";

/// A job like any other, but for what is `set`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dirt {
    pub id: i64,
    pub what: &'static str,
    /// Assignments, as in `UPDATE job SET`.
    pub set: &'static str,
}

const fn dirt(id: i64, what: &'static str, set: &'static str) -> Dirt {
    Dirt { id, what, set }
}

/// One row for every kind, with ids above those of other jobs.
pub const DIRT: &[Dirt] = &[
    dirt(1001, "a state nobody knows", "job_state = 'requeued'"),
    dirt(1002, "an empty state", "job_state = ''"),
    dirt(1003, "a state in capitals", "job_state = 'COMPLETED'"),
    dirt(
        1004,
        "the state of version 10's check",
        "job_state = 'out-of-memory'",
    ),
    dirt(1005, "no partition", "cluster_partition = NULL"),
    dirt(1006, "no array job id", "array_job_id = NULL"),
    dirt(1007, "no hardware threads", "num_hwthreads = NULL"),
    dirt(1008, "no accelerators", "num_acc = NULL"),
    dirt(
        1009,
        "no footprint",
        "footprint = NULL, energy_footprint = NULL",
    ),
    dirt(1010, "no meta data", "meta_data = NULL"),
    dirt(
        1011,
        "a footprint cut off",
        r#"footprint = '{"cpu_load_avg":3'"#,
    ),
    dirt(
        1012,
        "resources that are no JSON",
        "resources = 'a[0101-0102]'",
    ),
    dirt(
        1013,
        "meta data cut off",
        r#"meta_data = '{"jobName":"cut o'"#,
    ),
    dirt(
        1014,
        "all JSON as BLOB",
        r#"footprint = CAST('{"cpu_load_avg":7.5}' AS BLOB),
           energy_footprint = CAST('{"cpu_power":0.5}' AS BLOB),
           resources = CAST('[{"hostname":"d0001"}]' AS BLOB),
           meta_data = CAST('{"jobName":"blob"}' AS BLOB)"#,
    ),
    dirt(
        1015,
        "all JSON as TEXT",
        r#"footprint = '{"cpu_load_avg":7.5}', energy_footprint = '{"cpu_power":0.5}',
           resources = '[{"hostname":"d0001"}]', meta_data = '{"jobName":"text"}'"#,
    ),
    dirt(
        1016,
        "null as TEXT",
        "footprint = 'null', energy_footprint = 'null', resources = 'null', meta_data = 'null'",
    ),
    dirt(
        1017,
        "null as BLOB",
        "footprint = x'6e756c6c', energy_footprint = x'6e756c6c', meta_data = x'6e756c6c'",
    ),
    dirt(
        1018,
        "a footprint that is an array",
        "footprint = '[1,2.5,null]'",
    ),
    dirt(1019, "a footprint that is a number", "footprint = 17.25"),
    dirt(
        1020,
        "a footprint with values that are no numbers",
        r#"footprint = '{"cpu_load_avg":"high","mem_bw_avg":null,"flops_any_avg":{"a":1},
           "mem_used_max":1e999}'"#,
    ),
    dirt(
        1021,
        "the footprint of the importer",
        r#"footprint = '{"cpu_load_avg":7.5,"mem_used_avg":12.25}'"#,
    ),
    dirt(
        1022,
        "nodes that are plain text",
        r#"resources = '["d0001","d0002"]', num_nodes = 2"#,
    ),
    dirt(
        1023,
        "nodes of all kinds",
        r#"resources = '["d0001",{"hostname":"d0002"},{"name":"d0003"},4,null]', num_nodes = 5"#,
    ),
    dirt(
        1024,
        "resources that are an object",
        r#"resources = '{"hostname":"d0001"}'"#,
    ),
    dirt(
        1025,
        "empty text for JSON",
        "footprint = '', resources = '', meta_data = ''",
    ),
    dirt(
        1026,
        "bytes that are no text",
        "meta_data = x'fffe007b', footprint = x'00ff'",
    ),
    dirt(
        1027,
        "a name with a zero byte in it",
        "project = CAST(x'610062' AS TEXT), hpc_user = CAST(x'ff61' AS TEXT)",
    ),
    dirt(
        1028,
        "text for numbers",
        "walltime = 'unlimited', num_acc = '', energy = 'n/a'",
    ),
    dirt(
        1029,
        "times before 1970",
        "start_time = -5, duration = -300",
    ),
    dirt(
        1030,
        "numbers at the limit",
        "duration = 9223372036854775807, num_nodes = -1",
    ),
    dirt(
        1031,
        "a way of sharing nobody knows",
        "shared = 'oversubscribe', monitoring_status = 9",
    ),
    dirt(
        1032,
        "nothing at all",
        "job_id = NULL, subcluster = NULL, submit_time = NULL, start_time = NULL, hpc_user = NULL,
         project = NULL, cluster_partition = NULL, array_job_id = NULL, duration = NULL,
         walltime = NULL, job_state = NULL, meta_data = NULL, resources = NULL, num_nodes = NULL,
         num_hwthreads = NULL, num_acc = NULL, smt = NULL, shared = NULL, monitoring_status = NULL,
         energy = NULL, energy_footprint = NULL, footprint = NULL",
    ),
];

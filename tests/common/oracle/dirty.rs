//! Generated databases with much more wrong with them than real ones have.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use jobscope::demo::{GenerateOptions, generate};

use crate::common::jobdb::writer;

/// The end of the generated time.
const UNTIL: i64 = 1_773_187_200;

/// The present, a minute later: running jobs count until here.
pub const NOW: i64 = UNTIL + 60;

/// To be raised with every change of the dirt, so that no old file is found again.
const VERSION: u32 = 1;

/// 3,000 jobs. Written once, then found again by later runs.
pub fn small_database() -> PathBuf {
    database(3_000)
}

/// 100,000 jobs, with the indexes that matter most. Written once, then found again by later runs.
pub fn large_database() -> PathBuf {
    database(100_000)
}

fn database(jobs: u64) -> PathBuf {
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("jobs-dirty-{jobs}-v{VERSION}.db"));
    if !path.exists() {
        let unfinished = tempfile::tempdir_in(folder).expect("a folder");
        let temporary = unfinished.path().join("job.db");
        let options = GenerateOptions {
            until_unix_secs: UNTIL,
            indexes: jobscope::demo::Indexes::None,
            running: Some(jobs / 40),
            ..GenerateOptions::new(&temporary, jobs)
        };
        generate(&options, &AtomicBool::new(false), &mut |_| {}).expect("generated");
        soil(&temporary);
        std::fs::rename(&temporary, &path).expect("the finished database");
    }
    path
}

fn soil(path: &Path) {
    let conn = writer(path);
    conn.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = 1;
         PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -262144;",
    )
    .expect("a careless connection");
    for statements in [COLUMNS, META_DATA, FOOTPRINTS, RESOURCES, OTHER_TABLES] {
        conn.execute_batch(&format!("BEGIN; {statements} COMMIT;"))
            .expect(statements);
    }
    conn.execute(
        "UPDATE job SET start_time = ?1 + id WHERE id % 991 = 7",
        [NOW + 4_000],
    )
    .expect("jobs of the future");
    conn.execute_batch(INDEXES).expect("indexes");
    conn.close().expect("nothing left to do");
}

/// Moduli without common factors, so that every combination comes up in the large database.
const COLUMNS: &str = "
UPDATE job SET cluster_partition = NULL WHERE id % 41 = 3;
UPDATE job SET cluster_partition = '' WHERE id % 43 = 3;
UPDATE job SET array_job_id = NULL WHERE id % 37 = 3;
UPDATE job SET array_job_id = id / 10 WHERE id % 29 = 3;
UPDATE job SET num_hwthreads = NULL WHERE id % 31 = 3;
UPDATE job SET num_acc = NULL WHERE id % 47 = 3;
UPDATE job SET num_nodes = 0 WHERE id % 307 = 3;
UPDATE job SET job_state = 'out-of-memory' WHERE id % 149 = 3 AND job_state <> 'running';
UPDATE job SET job_state = 'stopped' WHERE id % 151 = 3 AND job_state <> 'running';
UPDATE job SET job_state = 'Completed' WHERE id % 601 = 3 AND job_state <> 'running';
UPDATE job SET shared = '' WHERE id % 313 = 3;
UPDATE job SET energy = 0 WHERE id % 59 = 3;
UPDATE job SET energy = -1.5 WHERE id % 503 = 3;
UPDATE job SET duration = -30 WHERE id % 211 = 3 AND job_state <> 'running';
UPDATE job SET duration = -7200 WHERE id % 223 = 3 AND job_state <> 'running';
UPDATE job SET duration = 400 * 86400 WHERE id % 227 = 3 AND job_state <> 'running';
UPDATE job SET duration = (id % 60) * 3600 WHERE id % 53 = 3 AND job_state <> 'running';
UPDATE job SET duration = 300 WHERE id % 131 = 3;
UPDATE job SET start_time = (SELECT start_time FROM job WHERE id = 500) WHERE id BETWEEN 500 AND 512;
UPDATE job SET start_time = 0 WHERE id % 1009 = 3;
UPDATE job SET hpc_user = 'o''hara%_' WHERE id % 61 = 3;
UPDATE job SET hpc_user = 'K106EB10' WHERE id % 67 = 3;
UPDATE job SET hpc_user = 'k106eb10' WHERE id % 71 = 3;
UPDATE job SET hpc_user = 'ü😀Ä' WHERE id % 73 = 3;
UPDATE job SET hpc_user = '' WHERE id % 401 = 3;
UPDATE job SET project = '50%_' WHERE id % 79 = 3;
UPDATE job SET project = '50ab' WHERE id % 83 = 3;
UPDATE job SET project = 'back\\slash' WHERE id % 89 = 3;
UPDATE job SET subcluster = 'main' WHERE id % 5 = 3;
";

const META_DATA: &str = r#"
UPDATE job SET meta_data = NULL WHERE id % 17 = 5;
UPDATE job SET meta_data = 'null' WHERE id % 97 = 5;
UPDATE job SET meta_data = CAST('null' AS BLOB) WHERE id % 101 = 5;
UPDATE job SET meta_data = 'no json {' WHERE id % 103 = 5;
UPDATE job SET meta_data = '' WHERE id % 107 = 5;
UPDATE job SET meta_data = '[]' WHERE id % 109 = 5;
UPDATE job SET meta_data = '{"jobName":null,"jobScript":"x"}' WHERE id % 113 = 5;
UPDATE job SET meta_data = '{"jobName":42}' WHERE id % 127 = 5;
UPDATE job SET meta_data = '{"jobName":"interactive"}' WHERE id % 19 = 5;
UPDATE job SET meta_data = CAST('{"jobName":"interactive","jobScript":"sleep"}' AS BLOB) WHERE id % 23 = 5;
UPDATE job SET meta_data = '{"jobName":"Interactive"}' WHERE id % 137 = 5;
UPDATE job SET meta_data = ' {"jobScript":"jobName","jobName":"50%_done"} ' WHERE id % 139 = 5;
UPDATE job SET meta_data = CAST('{"jobName":"5000 done"}' AS BLOB) WHERE id % 163 = 5;
UPDATE job SET meta_data = '{"jobName":"first","jobName":"second"}' WHERE id % 509 = 5;
UPDATE job SET meta_data = '{jobName:"not strict"}' WHERE id % 521 = 5;
"#;

const FOOTPRINTS: &str = r#"
UPDATE job SET footprint = NULL WHERE id % 31 = 7;
UPDATE job SET footprint = 'null' WHERE id % 37 = 7;
UPDATE job SET footprint = CAST('null' AS BLOB) WHERE id % 41 = 7;
UPDATE job SET footprint = '{}' WHERE id % 43 = 7;
UPDATE job SET footprint = '[1,2]' WHERE id % 97 = 7;
UPDATE job SET footprint = 'no json {' WHERE id % 47 = 7;
UPDATE job SET footprint = CAST('{"cpu_load_avg":71.3' AS BLOB) WHERE id % 53 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":"71.3","mem_used_max":"a lot"}' WHERE id % 59 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":null,"mem_used_avg":3}' WHERE id % 61 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":-0.5,"flops_any_avg":-900}' WHERE id % 67 = 7;
UPDATE job SET footprint = CAST('{"cpu_load_avg":0,"mem_used_max":0.0}' AS BLOB) WHERE id % 71 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":72,"mem_used_avg":118.25}' WHERE id % 73 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":72.0,"mem_used_max":7,"mem_used_avg":8}' WHERE id % 79 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":71.999999999}' WHERE id % 83 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":4400000.5}' WHERE id % 1013 = 7;
UPDATE job SET footprint = '{"cpu_load_avg":5,"cpu_load_avg":6}' WHERE id % 523 = 7;
UPDATE job SET footprint = '{cpu_load_avg:5}' WHERE id % 541 = 7;
"#;

const RESOURCES: &str = r#"
UPDATE job SET resources = '[]' WHERE id % 101 = 11;
UPDATE job SET resources = 'null' WHERE id % 103 = 11;
UPDATE job SET resources = 'no json {' WHERE id % 107 = 11;
UPDATE job SET resources = '["a0101","a0102"]' WHERE id % 109 = 11;
UPDATE job SET resources = CAST('["a0101",17,null,{"hostname":"a0103"}]' AS BLOB) WHERE id % 113 = 11;
UPDATE job SET resources = '{"hostname":"f0101"}' WHERE id % 127 = 11;
UPDATE job SET resources = '[{"hostname":"x%_y"},{"hostname":"X%_Y2"}]' WHERE id % 131 = 11;
UPDATE job SET resources = '[{"host":"f0101"}]' WHERE id % 137 = 11;
UPDATE job SET resources = '[{"hostname":null},{"hostname":5}]' WHERE id % 139 = 11;
UPDATE job SET resources = '"f0101"' WHERE id % 149 = 11;
UPDATE job SET resources = '[{"hostname":"f0101"},{"hostname":"f0102"}]' WHERE id % 13 = 11;
"#;

const OTHER_TABLES: &str = "
INSERT OR IGNORE INTO jobtag (job_id, tag_id) SELECT id, 1 FROM job WHERE id % 11 = 1;
INSERT OR IGNORE INTO jobtag (job_id, tag_id) SELECT id, 2 FROM job WHERE id % 22 = 1;
INSERT OR IGNORE INTO jobtag (job_id, tag_id) SELECT id, 3 FROM job WHERE id % 33 = 1;
INSERT OR IGNORE INTO jobtag (job_id, tag_id)
    SELECT id, (SELECT MAX(id) FROM tag) FROM job WHERE id % 17 = 1;
INSERT OR IGNORE INTO jobtag (job_id, tag_id) SELECT id, 7777 FROM job WHERE id % 397 = 1;
INSERT OR IGNORE INTO jobtag (job_id, tag_id) VALUES (999999999, 1), (NULL, 1), (1, NULL);
INSERT INTO tag (tag_type, tag_name, tag_scope) VALUES ('testtype', 'never used', 'demo');
INSERT INTO hpc_user (username, name) VALUES
    ('o''hara%_', 'Scarlett 100% O''Hara'), ('k106eb10', NULL), ('ü😀Ä', '');
INSERT INTO node (hostname, cluster, subcluster) VALUES
    ('silent01', 'fritz', 'main'), ('x%_y', 'fritz', 'main'), ('x%_y', 'alex', 'main');
INSERT INTO node_state (time_stamp, node_state, health_state, node_id)
    SELECT 1773187200 + 20 * n.value, s.value, 'partial', node.id
    FROM node, json_each('[1,2,3]') n, json_each('[\"idle\",\"mixed\",\"gone\"]') s
    WHERE hostname = 'x%_y' AND n.key = s.key;
INSERT INTO node_state (time_stamp, node_state, health_state, node_id)
    SELECT 1773100000, 'down', 'failed', id FROM node WHERE id % 5 = 0;
INSERT INTO node_state (time_stamp, node_state, health_state, node_id) VALUES
    (1773187300, 'idle', 'full', NULL), (1773187300, 'idle', 'full', 888888);
";

const INDEXES: &str = "
CREATE INDEX jobs_starttime ON job (start_time);
CREATE INDEX jobs_cluster_user ON job (cluster, hpc_user);
CREATE INDEX jobs_cluster_starttime_duration ON job (cluster, start_time, duration);
CREATE INDEX jobs_user_starttime_duration ON job (hpc_user, start_time, duration);
CREATE INDEX jobs_running_user_stats ON job
    (cluster, hpc_user, num_nodes, num_hwthreads, num_acc, duration, start_time)
    WHERE job_state = 'running';
CREATE INDEX tags_jobid ON jobtag (job_id);
CREATE INDEX tags_tagid ON jobtag (tag_id);
CREATE INDEX nodestates_nodeid_timestamp ON node_state (node_id, time_stamp DESC);
ANALYZE;
";

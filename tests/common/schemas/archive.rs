//! The job archive as one SQLite file: finished jobs with their time series, and no job table.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use rusqlite::Connection;

use super::{JOBS, SampleJob, TAGS, sample::quoted};
use crate::common::jobdb::JobDb;

/// The clusters whose configuration the archive holds.
pub const ARCHIVE_CLUSTERS: [&str; 2] = ["alex", "fritz"];

/// How much earlier the second half of the archived jobs ran.
const EARLIER_SECS: i64 = 7 * 86_400;

const SCHEMA: &str = "
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL,
    cluster TEXT NOT NULL,
    start_time INTEGER NOT NULL,
    meta_json BLOB NOT NULL,
    data_json BLOB,
    data_compressed BOOLEAN DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (job_id, cluster, start_time)
);
CREATE TABLE clusters (name TEXT PRIMARY KEY, config_json BLOB NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX idx_jobs_cluster ON jobs (cluster);
CREATE INDEX idx_jobs_start_time ON jobs (start_time);
CREATE INDEX idx_jobs_order ON jobs (cluster, start_time);
CREATE INDEX idx_jobs_lookup ON jobs (cluster, job_id, start_time);
INSERT INTO metadata VALUES ('version', '3');
";

/// The jobs of the archive in the order of its rows, without the one row that has no valid JSON.
///
/// The second half was converted by nobody: it says `exclusive` as version 2 did.
pub fn archived_jobs() -> Vec<SampleJob> {
    let finished = || JOBS.iter().filter(|job| job.state != "running").copied();
    let earlier = finished().map(|job| SampleJob {
        job_id: job.job_id - 100_000,
        start_time_unix_secs: job.start_time_unix_secs - EARLIER_SECS,
        ..job
    });
    finished().chain(earlier).collect()
}

/// An archive of these jobs, and one more row with broken JSON at the end.
pub fn archive() -> JobDb {
    JobDb::written("job-archive.db", |conn| {
        conn.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = OFF; BEGIN;")
            .expect("a log");
        conn.execute_batch(SCHEMA).expect("the schema");
        let jobs = archived_jobs();
        for (index, job) in jobs.iter().enumerate() {
            let meta = meta_json(job, index < jobs.len() / 2);
            let (data, compressed) = match index % 3 {
                0 => (None, false),
                1 => (Some(data_json(job).into_bytes()), false),
                _ => (Some(gzip(data_json(job).as_bytes())), true),
            };
            insert(conn, job, meta.as_bytes(), (data, compressed));
        }
        let broken = SampleJob {
            job_id: 1,
            ..JOBS[0]
        };
        insert(conn, &broken, br#"{"jobId":1,"user":"#, (None, false));
        for cluster in ARCHIVE_CLUSTERS {
            conn.execute(
                "INSERT INTO clusters VALUES (?, ?, ?)",
                (cluster, cluster_json(cluster).as_bytes(), 1_700_000_000),
            )
            .expect("a cluster");
        }
        conn.execute_batch("COMMIT").expect("all rows");
    })
}

fn insert(conn: &Connection, job: &SampleJob, meta: &[u8], data: (Option<Vec<u8>>, bool)) {
    let start = job.start_time_unix_secs;
    let end = start + job.duration_secs;
    let (data, compressed) = data;
    conn.execute(
        "INSERT INTO jobs (job_id, cluster, start_time, meta_json, data_json, data_compressed,
            created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.job_id,
            job.cluster,
            start,
            meta,
            data,
            compressed,
            end,
            end,
        ),
    )
    .expect("an archived job");
}

/// What the file `meta.json` of a job says. `newest` is version 3.
fn meta_json(job: &SampleJob, newest: bool) -> String {
    let SampleJob {
        job_id,
        cluster,
        subcluster,
        start_time_unix_secs: start,
        user,
        project,
        partition,
        array_job_id,
        duration_secs: duration,
        walltime_secs: walltime,
        state,
        shared,
        energy_kwh: energy,
        ..
    } = job;
    let version = if newest {
        format!(
            r#""id":{},"shared":"{shared}","submitTime":{start},"requestedMemory":0,
            "energy":{energy},"energyFootprint":{},"footprint":{}"#,
            job.id,
            job.energy_footprint_json(),
            job.footprint_json()
        )
    } else {
        format!(
            r#""exclusive":{},"stopTime":{}"#,
            job.exclusive(),
            start + duration
        )
    };
    format!(
        r#"{{"jobId":{job_id},"user":"{user}","project":{project},"cluster":"{cluster}",
            "subCluster":"{subcluster}","partition":"{partition}","arrayJobId":{array_job_id},
            "numNodes":{nodes},"numHwthreads":{hwthreads},"numAcc":{acc},"monitoringStatus":3,
            "smt":1,"walltime":{walltime},"jobState":"{state}","startTime":{start},
            "duration":{duration},"resources":{resources},"metaData":{meta_data},
            "tags":[{tags}],"statistics":{statistics},{version}}}"#,
        project = quoted(project),
        nodes = job.num_nodes(),
        hwthreads = job.num_hwthreads(),
        acc = job.num_acc(),
        resources = job.resources_json(),
        meta_data = job.meta_data_json(),
        tags = tags_json(job),
        statistics = statistics_json(job),
    )
}

fn tags_json(job: &SampleJob) -> String {
    let tags = TAGS.iter().filter(|tag| job.tag_ids.contains(&tag.id));
    let tags: Vec<_> = tags
        .map(|tag| {
            format!(
                r#"{{"id":{},"type":"{}","name":"{}","scope":"{}"}}"#,
                tag.id, tag.kind, tag.name, tag.scope
            )
        })
        .collect();
    tags.join(",")
}

fn statistics_json(job: &SampleJob) -> String {
    let metric = |name: &str, unit: &str, average: f64| {
        format!(
            r#""{name}":{{"unit":{unit},"avg":{average},"min":{},"max":{}}}"#,
            average * 0.5,
            average * 1.5
        )
    };
    let metrics = [
        metric("cpu_user", r#"{"base":""}"#, job.cpu_load_avg * 0.5),
        metric("cpu_load", r#"{"base":""}"#, job.cpu_load_avg),
        metric(
            "mem_used",
            r#"{"base":"B","prefix":"G"}"#,
            job.mem_used_max * 0.5,
        ),
        metric(
            "flops_any",
            r#"{"base":"F/s","prefix":"G"}"#,
            job.flops_any_avg,
        ),
        metric("mem_bw", r#"{"base":"B/s","prefix":"G"}"#, job.mem_bw_avg),
    ];
    format!("{{{}}}", metrics.join(","))
}

/// What the file `data.json` of a job says: one metric, three points per node, one of them lost.
fn data_json(job: &SampleJob) -> String {
    let load = job.cpu_load_avg;
    let series: Vec<_> = job
        .hostnames
        .iter()
        .map(|hostname| {
            format!(
                r#"{{"hostname":"{hostname}","statistics":{{"avg":{load},"min":{load},"max":{load}}},
                "data":[{load},null,{load}]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"cpu_load":{{"node":{{"unit":{{"base":""}},"timestep":60,"series":[{}]}}}}}}"#,
        series.join(",")
    )
}

/// What the file `cluster.json` says, with one footprint metric and two subclusters.
fn cluster_json(cluster: &str) -> String {
    let subclusters = match cluster {
        "alex" => [("main", "a[0101-0103]"), ("a40", "a[0501-0503]")],
        _ => [("main", "f[0101-0103]"), ("spr1tb", "f[2101-2102]")],
    };
    let subclusters: Vec<_> = subclusters
        .iter()
        .map(|(name, nodes)| {
            format!(
                r#"{{"name":"{name}","nodes":"{nodes}","processorType":"imagined",
                "socketsPerNode":2,"coresPerSocket":36,"threadsPerCore":1,
                "flopRateScalar":{{"unit":{{"base":"F/s","prefix":"G"}},"value":432}},
                "flopRateSimd":{{"unit":{{"base":"F/s","prefix":"G"}},"value":9216}},
                "memoryBandwidth":{{"unit":{{"base":"B/s","prefix":"G"}},"value":350}},
                "topology":{{"node":[0,1],"socket":[[0],[1]],"memoryDomain":[[0],[1]],"core":[[0],[1]]}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"name":"{cluster}","metricConfig":[{{"name":"cpu_load","unit":{{"base":""}},
        "scope":"node","timestep":60,"aggregation":"avg","footprint":"avg","peak":72,
        "normal":72,"caution":20,"alert":10}}],"subClusters":[{}]}}"#,
        subclusters.join(",")
    )
}

/// A valid gzip file of one stored block, which is as far as one gets without a library.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a stored block has at most 64 KiB");
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.push(1);
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(bytes);
    file.extend(crc32(bytes).to_le_bytes());
    file.extend(u32::from(length).to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}

//! Every schema of the field. First of all: that the fixtures are what they say they are.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;

use common::{
    jobdb::JobDb,
    schemas::{
        self, CACHED, DIRT, DIRT_CLUSTER, JOB_COLUMNS, JOBS, SampleJob, TABLES, TAGS, Variant,
    },
};
use rusqlite::{Connection, types::FromSql};

/// Calls `check` with every variant and a connection to it.
fn for_each_variant(check: impl Fn(&Variant, &Connection)) {
    for variant in schemas::all() {
        let db = variant.build();
        check(&variant, &db.writer());
    }
}

/// The first column of every row.
fn column<T: FromSql>(conn: &Connection, sql: &str) -> Vec<T> {
    conn.prepare(sql)
        .expect(sql)
        .query_map([], |row| row.get(0))
        .expect(sql)
        .collect::<rusqlite::Result<_>>()
        .expect(sql)
}

fn columns_of(conn: &Connection, table: &str) -> BTreeSet<String> {
    let sql = format!("SELECT name FROM pragma_table_info('{table}')");
    column(conn, &sql).into_iter().collect()
}

fn count(conn: &Connection, table: &str) -> usize {
    let counts: Vec<i64> = column(conn, &format!("SELECT COUNT(*) FROM {table}"));
    usize::try_from(counts[0]).expect("a count")
}

#[test]
fn names_say_which_variant_it_is() {
    let variants = schemas::all();
    let names: BTreeSet<_> = variants.iter().map(|variant| variant.name).collect();
    assert_eq!(names.len(), variants.len());
}

#[test]
fn every_variant_is_a_sound_database_of_one_file() {
    for variant in schemas::all() {
        let name = variant.name;
        let db = variant.build();
        let files = std::fs::read_dir(db.folder()).expect("a folder").count();
        assert_eq!(files, 1, "{name}");
        let conn = db.writer();
        assert_eq!(
            column::<String>(&conn, "PRAGMA integrity_check"),
            ["ok"],
            "{name}"
        );
        let mode = if variant.wal { "wal" } else { "delete" };
        assert_eq!(
            column::<String>(&conn, "PRAGMA journal_mode"),
            [mode],
            "{name}"
        );
    }
}

#[test]
fn only_the_oldest_have_a_tag_of_a_lost_job() {
    for_each_variant(|variant, conn| {
        let broken: Vec<String> = column(conn, "PRAGMA foreign_key_check");
        let lost: &[&str] = if variant.name.starts_with("pre-v1") {
            &["jobtag"]
        } else {
            &[]
        };
        assert_eq!(broken, lost, "{}", variant.name);
    });
}

#[test]
fn the_version_row_is_as_declared() {
    for_each_variant(|variant, conn| {
        if variant.table("schema_migrations").is_none() {
            assert_eq!(variant.version, None);
            return;
        }
        let versions: Vec<i64> = column(conn, "SELECT version FROM schema_migrations");
        assert_eq!(
            versions,
            Vec::from_iter(variant.version),
            "{}",
            variant.name
        );
        let dirty: Vec<bool> = column(conn, "SELECT dirty FROM schema_migrations");
        assert_eq!(dirty.contains(&true), variant.dirty, "{}", variant.name);
    });
}

#[test]
fn tables_are_there_unless_declared_lacking() {
    for_each_variant(|variant, conn| {
        for today in TABLES {
            let name = variant.name;
            if let Some(here) = variant.table(today) {
                assert!(
                    !columns_of(conn, here).is_empty(),
                    "{name} has no table {here}"
                );
            } else {
                assert!(
                    columns_of(conn, today).is_empty(),
                    "{name} has a table {today}"
                );
            }
        }
    });
}

#[test]
fn job_columns_are_there_unless_declared_lacking() {
    for_each_variant(|variant, conn| {
        let expected: BTreeSet<_> = JOB_COLUMNS
            .iter()
            .filter_map(|today| variant.column(today))
            .chain(variant.footprint_columns.iter().copied())
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(columns_of(conn, "job"), expected, "{}", variant.name);
    });
}

#[test]
fn columns_of_other_tables_are_there_unless_declared_lacking() {
    let variants = schemas::all();
    let newest = variants.iter().find(|variant| variant.name == "v11");
    let newest = newest.expect("the newest release").build();
    let newest = newest.writer();
    for_each_variant(|variant, conn| {
        for table in ["tag", "jobtag", "hpc_user", "configuration", "node_state"] {
            let Some(here) = variant.table(table) else {
                continue;
            };
            let mut expected = columns_of(&newest, table);
            expected.retain(|column| !variant.lacks_elsewhere.contains(&(table, column.as_str())));
            assert_eq!(
                columns_of(conn, here),
                expected,
                "{}: {table}",
                variant.name
            );
        }
    });
}

#[test]
fn job_indexes_are_as_many_as_declared() {
    for_each_variant(|variant, conn| {
        let sql = "SELECT name FROM sqlite_schema \
                   WHERE type = 'index' AND tbl_name = 'job' AND sql IS NOT NULL";
        let names: Vec<String> = column(conn, sql);
        assert_eq!(names.len(), variant.num_job_indexes, "{}", variant.name);
    });
}

#[test]
fn indexes_are_as_many_as_in_the_field() {
    let known = [
        ("v1", 0),
        ("v3", 8),
        ("v3-five-indexes", 5),
        ("v8-half-migrated", 8),
        ("v8", 0),
        ("v8-indexed", 73),
        ("v10-development", 4),
        ("v10", 78),
        ("v10-later-release", 48),
        ("v11", 54),
        ("v11-from-development", 12),
    ];
    let variants = schemas::all();
    for (name, num_job_indexes) in known {
        let variant = variants.iter().find(|variant| variant.name == name);
        assert_eq!(
            variant.map(|variant| variant.num_job_indexes),
            Some(num_job_indexes),
            "{name}"
        );
    }
}

/// One line per job, of what every variant knows about it.
fn line(variant: &Variant, job: &SampleJob, duration: Option<i64>, state: &str) -> String {
    let subcluster = variant.column("subcluster").map(|_| job.subcluster);
    let walltime = variant.column("walltime").map(|_| job.walltime_secs);
    let energy = variant.column("energy").map(|_| job.energy_kwh);
    let shared = if variant.column("shared") == Some("exclusive") {
        job.exclusive().to_string()
    } else {
        job.shared.to_owned()
    };
    format!(
        "{} {} {} {} {} {} {} {} {} {duration:?} {state} {subcluster:?} {walltime:?} {energy:?} \
         {shared} {} {} {} {:?}",
        job.id,
        job.job_id,
        job.cluster,
        job.start_time_unix_secs,
        job.user,
        job.project,
        job.partition,
        job.array_job_id,
        job.name,
        job.num_nodes(),
        job.num_hwthreads(),
        job.num_acc(),
        job.metrics().map(|(_, value)| value),
    )
}

fn lines_of_the_file(variant: &Variant, conn: &Connection) -> Vec<String> {
    let name = |today| {
        variant
            .column(today)
            .map_or("NULL".to_owned(), |here| format!("\"{here}\""))
    };
    let metric = |column: &str, key: &str| {
        if variant.footprint_columns.contains(&column) {
            column.to_owned()
        } else {
            format!("json_extract(footprint, '$.{key}')")
        }
    };
    let columns = [
        name("id"),
        name("job_id"),
        name("cluster"),
        name("start_time"),
        name("hpc_user"),
        name("project"),
        name("cluster_partition"),
        name("array_job_id"),
        "json_extract(meta_data, '$.jobName')".to_owned(),
        name("duration"),
        name("job_state"),
        name("subcluster"),
        name("walltime"),
        name("energy"),
        format!("CAST({} AS TEXT)", name("shared")),
        "json_array_length(resources)".to_owned(),
        name("num_hwthreads"),
        name("num_acc"),
        metric("load_avg", "cpu_load_avg"),
        metric("flops_any_avg", "flops_any_avg"),
        metric("mem_bw_avg", "mem_bw_avg"),
        metric("mem_used_max", "mem_used_max"),
    ];
    let sql = format!(
        "SELECT {} FROM job WHERE {} <> '{DIRT_CLUSTER}' ORDER BY id",
        columns.join(", "),
        name("cluster")
    );
    let mut statement = conn.prepare(&sql).expect(&sql);
    let lines = statement.query_map([], |row| {
        let subcluster: Option<String> = row.get(11)?;
        let metrics: [f64; 4] = [row.get(18)?, row.get(19)?, row.get(20)?, row.get(21)?];
        Ok(format!(
            "{} {} {} {} {} {} {} {} {} {:?} {} {subcluster:?} {:?} {:?} {} {} {} {} {metrics:?}",
            row.get::<_, i64>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, i64>(3)?,
            row.get::<_, String>(4)?,
            row.get::<_, String>(5)?,
            row.get::<_, String>(6)?,
            row.get::<_, i64>(7)?,
            row.get::<_, String>(8)?,
            row.get::<_, Option<i64>>(9)?,
            row.get::<_, String>(10)?,
            row.get::<_, Option<i64>>(12)?,
            row.get::<_, Option<f64>>(13)?,
            row.get::<_, String>(14)?,
            row.get::<_, i64>(15)?,
            row.get::<_, i64>(16)?,
            row.get::<_, i64>(17)?,
        ))
    });
    lines
        .expect(&sql)
        .collect::<rusqlite::Result<_>>()
        .expect(&sql)
}

#[test]
fn the_same_jobs_are_in_every_variant() {
    for_each_variant(|variant, conn| {
        let expected: Vec<_> = JOBS
            .iter()
            .map(|job| {
                line(
                    variant,
                    job,
                    variant.duration_of(job),
                    variant.state_of(job),
                )
            })
            .collect();
        assert_eq!(
            lines_of_the_file(variant, conn),
            expected,
            "{}",
            variant.name
        );
        assert_eq!(count(conn, "job"), variant.num_jobs(), "{}", variant.name);
    });
}

#[test]
fn old_spellings_of_cancelled_are_where_they_were_allowed() {
    for_each_variant(|variant, conn| {
        let stopped = variant.cancelled == schemas::Spelling::PartlyStopped;
        let states: Vec<String> = column(
            conn,
            "SELECT DISTINCT job_state FROM job WHERE job_state <> ''",
        );
        assert_eq!(
            states.contains(&"stopped".to_owned()),
            stopped,
            "{}",
            variant.name
        );
        let american = variant.version.is_none_or(|version| version < 4);
        assert_eq!(
            states.contains(&"canceled".to_owned()),
            american,
            "{}",
            variant.name
        );
    });
}

#[test]
fn tags_caches_and_nodes_are_filled_where_they_exist() {
    for_each_variant(|variant, conn| {
        let name = variant.name;
        let has = |table| variant.table(table).is_some();
        if has("tag") {
            assert_eq!(count(conn, "tag"), TAGS.len(), "{name}");
            let links: usize = JOBS.iter().map(|job| job.tag_ids.len()).sum();
            let linked = count(conn, "jobtag JOIN job ON jobtag.job_id = job.id");
            assert_eq!(linked, links, "{name}");
        }
        if has("job_cache") {
            assert_eq!(count(conn, "job_cache"), CACHED.len(), "{name}");
        }
        if has("node") {
            assert_eq!(count(conn, "node"), schemas::nodes().len(), "{name}");
        }
        if has("node_state") {
            assert_eq!(
                count(conn, "node_state"),
                2 * schemas::nodes().len(),
                "{name}"
            );
        }
    });
}

#[test]
fn json_is_both_blob_and_text() {
    for_each_variant(|variant, conn| {
        for today in ["meta_data", "footprint"] {
            let Some(here) = variant.column(today) else {
                continue;
            };
            let sql = format!("SELECT DISTINCT typeof({here}) FROM job");
            let types: BTreeSet<String> = column(conn, &sql).into_iter().collect();
            for expected in ["blob", "text"] {
                assert!(
                    types.contains(expected),
                    "{}: no {expected} in {here}",
                    variant.name
                );
            }
        }
    });
}

#[test]
fn dirt_stays_in_its_cluster() {
    for_each_variant(|variant, conn| {
        let cluster = variant.column("cluster").expect("jobs have a cluster");
        let sql = format!("SELECT id FROM job WHERE {cluster} = '{DIRT_CLUSTER}' ORDER BY id");
        let expected: Vec<_> = variant.dirt.iter().map(|dirt| dirt.id).collect();
        assert_eq!(column::<i64>(conn, &sql), expected, "{}", variant.name);
    });
    let dirty = schemas::all()
        .into_iter()
        .filter(|variant| variant.dirt == DIRT);
    assert_eq!(dirty.count(), 1);
}

#[test]
fn the_sample_has_what_makes_queries_hard() {
    let distinct = |value: fn(&SampleJob) -> &'static str| {
        JOBS.iter().map(value).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(JOBS.len(), 24);
    assert_eq!(distinct(|job| job.cluster), 2);
    assert_eq!(distinct(|job| job.subcluster), 3);
    assert_eq!(distinct(|job| job.user), 5);
    assert_eq!(distinct(|job| job.project), 3);
    assert_eq!(distinct(|job| job.partition), 2);
    assert_eq!(distinct(|job| job.state), 5);
    assert_eq!(distinct(|job| job.shared), 3);
    let starts: BTreeSet<_> = JOBS.iter().map(|job| job.start_time_unix_secs).collect();
    assert!(starts.len() < JOBS.len(), "no two jobs start together");
    assert!(JOBS.is_sorted_by_key(|job| job.id));
    assert_eq!(JOBS.iter().filter(|job| job.tag_ids.len() == 2).count(), 2);
}

/// Scheduler id, `meta_json`, `data_json`, and whether the latter is compressed.
type ArchiveRow = (i64, Vec<u8>, Option<Vec<u8>>, bool);

fn archive_rows(db: &JobDb) -> Vec<ArchiveRow> {
    let conn = db.writer();
    let mut statement = conn
        .prepare("SELECT job_id, meta_json, data_json, data_compressed FROM jobs ORDER BY id")
        .expect("the archive's table");
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    rows.expect("rows")
        .collect::<rusqlite::Result<_>>()
        .expect("values")
}

#[test]
fn the_archive_has_both_ways_to_say_shared_and_one_broken_row() {
    let db = schemas::archive();
    let rows = archive_rows(&db);
    let jobs = schemas::archived_jobs();
    assert_eq!(rows.len(), jobs.len() + 1);
    let mut spellings = [0, 0];
    for ((job_id, meta, _, _), job) in rows.iter().zip(&jobs) {
        let meta: serde_json::Value = serde_json::from_slice(meta).expect("valid JSON");
        assert_eq!(*job_id, job.job_id);
        assert_eq!(meta["jobId"], job.job_id);
        assert_eq!(meta["metaData"]["jobScript"], job.script());
        assert_eq!(
            meta["tags"].as_array().map(Vec::len),
            Some(job.tag_ids.len())
        );
        if meta["shared"] == job.shared {
            spellings[0] += 1;
        }
        if meta["exclusive"] == job.exclusive() {
            spellings[1] += 1;
        }
    }
    assert_eq!(spellings, [jobs.len() / 2; 2]);
    let (_, broken, _, _) = rows.last().expect("a row");
    assert!(serde_json::from_slice::<serde_json::Value>(broken).is_err());
}

#[test]
fn the_archive_has_plain_compressed_and_no_data() {
    let db = schemas::archive();
    let mut seen = BTreeSet::new();
    for (_, _, data, compressed) in archive_rows(&db) {
        seen.insert((data.is_some(), compressed));
        let Some(data) = data else { continue };
        let json = if compressed {
            &data[15..data.len() - 8]
        } else {
            &data[..]
        };
        assert_eq!(compressed, data.starts_with(&[0x1f, 0x8b]));
        let json: serde_json::Value = serde_json::from_slice(json).expect("valid JSON");
        assert!(json["cpu_load"]["node"]["series"].is_array());
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn the_archive_knows_its_clusters_and_its_version() {
    let db = schemas::archive();
    let conn = db.writer();
    let sql = "SELECT value FROM metadata WHERE key = 'version'";
    assert_eq!(column::<String>(&conn, sql), ["3"]);
    let configs: Vec<Vec<u8>> = column(&conn, "SELECT config_json FROM clusters ORDER BY name");
    for (config, cluster) in configs.iter().zip(schemas::ARCHIVE_CLUSTERS) {
        let config: serde_json::Value = serde_json::from_slice(config).expect("valid JSON");
        assert_eq!(config["name"], cluster);
    }
    assert_eq!(configs.len(), schemas::ARCHIVE_CLUSTERS.len());
    assert!(columns_of(&conn, "job").is_empty());
}

#[test]
fn the_other_database_has_no_jobs() {
    let db = schemas::other();
    let conn = db.writer();
    let tables: Vec<String> = column(&conn, "SELECT name FROM sqlite_schema ORDER BY name");
    assert_eq!(tables, ["a", "b"]);
}

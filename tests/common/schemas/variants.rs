//! Which variants there are, from the oldest to the newest.

use super::{
    Spelling, Variant,
    dirt::DIRT,
    indexes,
    tables::{self, MIGRATIONS},
};

/// The columns that were the footprint up to version 7.
const FOOTPRINT_COLUMNS: &[&str] = &[
    "mem_used_max",
    "flops_any_avg",
    "mem_bw_avg",
    "load_avg",
    "net_bw_avg",
    "net_data_vol_total",
    "file_bw_avg",
    "file_data_vol_total",
];

const OLD_NAMES: &[(&str, &str)] = &[
    ("hpc_user", "user"),
    ("cluster_partition", "partition"),
    ("shared", "exclusive"),
];

const BEFORE_V8: &[&str] = &["submit_time", "energy", "energy_footprint"];
const BEFORE_V9: &[&str] = &["job_cache", "node", "node_state"];
const NO_ACCOUNTS: &[&str] = &[
    "job_cache",
    "hpc_user",
    "configuration",
    "node",
    "node_state",
];
const NO_TIME_OF_TAGS: &[(&str, &str)] = &[
    ("tag", "insert_ts"),
    ("jobtag", "insert_ts"),
    ("tag", "tag_scope"),
];

/// Every variant.
pub fn all() -> Vec<Variant> {
    let mut variants = before_versions();
    variants.extend(up_to_v7());
    variants.extend(v8());
    variants.extend(v9());
    variants.extend(v10());
    variants.extend(v11());
    variants.extend(beyond());
    variants
}

fn before_versions() -> Vec<Variant> {
    let oldest = Variant {
        name: "pre-v1-oldest",
        version: None,
        dirty: false,
        lacks: &[
            "submit_time",
            "energy",
            "energy_footprint",
            "subcluster",
            "walltime",
        ],
        lacks_tables: &[
            "schema_migrations",
            "job_cache",
            "hpc_user",
            "configuration",
            "node",
            "node_state",
        ],
        lacks_elsewhere: NO_TIME_OF_TAGS,
        renamed: OLD_NAMES,
        footprint_columns: FOOTPRINT_COLUMNS,
        cancelled: Spelling::Canceled,
        num_job_indexes: 2,
        dirt: &[],
        wal: false,
        sql: tables::OLDEST.to_owned(),
    };
    let pre_v1 = Variant {
        name: "pre-v1",
        lacks: BEFORE_V8,
        sql: format!("{}{}", tables::OLDEST, tables::OLDEST_TO_PRE_V1),
        ..oldest.clone()
    };
    let empty = Variant {
        name: "pre-v1-empty-version",
        lacks_tables: NO_ACCOUNTS,
        sql: format!("{MIGRATIONS}{}", pre_v1.sql),
        ..pre_v1.clone()
    };
    vec![oldest, pre_v1, empty]
}

fn old(name: &'static str, version: i64, job_indexes: &str) -> Variant {
    Variant {
        name,
        version: Some(version),
        dirty: false,
        lacks: BEFORE_V8,
        lacks_tables: BEFORE_V9,
        lacks_elsewhere: match version {
            ..3 => &[
                ("tag", "insert_ts"),
                ("jobtag", "insert_ts"),
                ("tag", "tag_scope"),
                ("hpc_user", "projects"),
            ],
            3..5 => NO_TIME_OF_TAGS,
            _ => &[("tag", "tag_scope")],
        },
        renamed: OLD_NAMES,
        footprint_columns: FOOTPRINT_COLUMNS,
        cancelled: if version < 4 {
            Spelling::Canceled
        } else {
            Spelling::Cancelled
        },
        num_job_indexes: job_indexes.matches("CREATE INDEX").count(),
        dirt: &[],
        wal: version > 3,
        sql: format!("{MIGRATIONS}{}{job_indexes}", tables::up_to_v7(version)),
    }
}

fn up_to_v7() -> Vec<Variant> {
    vec![
        old("v1", 1, ""),
        old("v2", 2, indexes::EIGHT),
        old("v3", 3, indexes::EIGHT),
        old("v3-five-indexes", 3, indexes::FIVE),
        old("v4", 4, indexes::EIGHT),
        old("v5", 5, indexes::EIGHT),
        old("v6", 6, indexes::EIGHT),
        Variant {
            cancelled: Spelling::PartlyStopped,
            ..old("v7", 7, indexes::EIGHT)
        },
    ]
}

/// A file from version 8 on, with these tables and indexes on the job table.
fn new(name: &'static str, version: i64, tables: &str, job_indexes: &str) -> Variant {
    let migrations = MIGRATIONS;
    Variant {
        name,
        version: Some(version),
        dirty: false,
        lacks: &[],
        lacks_tables: &[],
        lacks_elsewhere: &[],
        renamed: &[],
        footprint_columns: &[],
        cancelled: Spelling::Cancelled,
        num_job_indexes: job_indexes.matches("CREATE INDEX").count(),
        dirt: &[],
        wal: true,
        sql: format!("{migrations}{tables}{job_indexes}"),
    }
}

/// A file with the tables of version 8, whatever its number.
fn like_v8(name: &'static str, version: i64, job_indexes: &str) -> Variant {
    Variant {
        lacks: &["submit_time"],
        lacks_tables: BEFORE_V9,
        renamed: &[("shared", "exclusive")],
        ..new(name, version, &tables::v8(), job_indexes)
    }
}

fn v8() -> Vec<Variant> {
    vec![
        Variant {
            lacks: &["submit_time", "energy_footprint"],
            lacks_elsewhere: &[("tag", "tag_scope")],
            renamed: OLD_NAMES,
            footprint_columns: &[
                "net_bw_avg",
                "net_data_vol_total",
                "file_bw_avg",
                "file_data_vol_total",
            ],
            num_job_indexes: 8,
            sql: format!(
                "{MIGRATIONS}{}{}{}",
                tables::up_to_v7(7),
                indexes::EIGHT,
                tables::V8_HALF
            ),
            ..like_v8("v8-half-migrated", 8, "")
        },
        like_v8("v8", 8, ""),
        like_v8("v8-indexed", 8, &indexes::v8()),
    ]
}

fn v9() -> Vec<Variant> {
    vec![
        Variant {
            lacks_tables: &["node", "node_state"],
            ..new("v9", 9, &tables::v9(), "")
        },
        Variant {
            dirty: true,
            cancelled: Spelling::PartlyStopped,
            ..like_v8("v9-dirty", 9, &indexes::v8())
        },
    ]
}

fn v10() -> Vec<Variant> {
    let later = indexes::v10_of_later_releases();
    vec![
        Variant {
            lacks_tables: &["node_state"],
            ..new(
                "v10-node-with-state",
                10,
                &tables::v10_node_with_state(),
                "",
            )
        },
        Variant {
            lacks_tables: &["node_state"],
            renamed: &[("cluster", "hpc_cluster")],
            ..new("v10-hpc-cluster", 10, &tables::v10_hpc_cluster(), "")
        },
        Variant {
            lacks_elsewhere: &[("node_state", "health_metrics")],
            ..new(
                "v10-development",
                10,
                &tables::v10_development(),
                indexes::FOUR_ON_SUBMIT_TIME,
            )
        },
        new("v10", 10, &tables::v10(), &indexes::v10()),
        new("v10-later-release", 10, &tables::v10(), &later),
    ]
}

/// Version 11 with something done to its tables.
fn v11_after(name: &'static str, sql: &str) -> Variant {
    new(
        name,
        11,
        &format!("{}{sql}", tables::v10()),
        &indexes::v11(),
    )
}

fn v11() -> Vec<Variant> {
    vec![
        v11_after("v11", ""),
        Variant {
            lacks_tables: &["tag", "jobtag"],
            ..v11_after("v11-no-tags", "DROP TABLE jobtag; DROP TABLE tag;")
        },
        Variant {
            lacks_tables: &["job_cache"],
            ..v11_after("v11-no-cache", "DROP TABLE job_cache;")
        },
        Variant {
            lacks_tables: &["node_state"],
            ..v11_after("v11-no-node-state", "DROP TABLE node_state;")
        },
        Variant {
            lacks_elsewhere: &[("node_state", "health_metrics")],
            ..new(
                "v11-from-development",
                11,
                &tables::v10_development(),
                &format!("{}{}", indexes::FOUR_ON_SUBMIT_TIME, indexes::new_in_v11()),
            )
        },
        Variant {
            cancelled: Spelling::PartlyStopped,
            ..like_v8("v11-forced", 11, &indexes::v8())
        },
        Variant {
            dirt: DIRT,
            ..new(
                "v11-hand-made",
                11,
                &format!("{}{}", tables::v10(), tables::HAND_MADE_JOB),
                "",
            )
        },
    ]
}

fn beyond() -> Vec<Variant> {
    let sessions = format!("{}{}", tables::v10(), tables::SESSIONS);
    let service = format!("{sessions}{}", tables::SERVICE);
    let developer = |name, version| new(name, version, &tables::v10(), &indexes::v11());
    vec![
        developer("v12-developer", 12),
        developer("v13-developer", 13),
        developer("v14-developer", 14),
        new("v12-sessions", 12, &sessions, &indexes::v11()),
        new("v13-service", 13, &service, &indexes::v11()),
    ]
}

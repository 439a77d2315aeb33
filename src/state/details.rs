//! The job at the side, with everything that its row holds.

use super::Phase;
use crate::{db::value::Cell, engine::message::TaskId, jobs::row::JobRow};

/// One job with everything that its row holds.
#[derive(Debug)]
pub struct Details {
    /// Its database id.
    pub job: i64,
    /// How it stands.
    pub phase: Phase,
    /// The job, once it is there; `None` after loading if it is gone.
    pub row: Option<JobRow>,
    /// The batch script.
    pub script: String,
    /// The job's name.
    pub name: String,
    /// JSON columns laid out on lines, with their column's name. Scripts are left out: see `script`.
    pub json: Vec<(&'static str, String)>,
    pub(super) loading: Option<TaskId>,
}

impl Details {
    pub(super) fn loading(job: i64, id: TaskId) -> Self {
        Self {
            job,
            phase: Phase::Loading,
            row: None,
            script: String::new(),
            name: String::new(),
            json: Vec::new(),
            loading: Some(id),
        }
    }

    pub(super) fn fill(&mut self, rows: Vec<Vec<Cell>>) {
        let Some(row) = rows.into_iter().next().and_then(JobRow::from_cells) else {
            return;
        };
        let mut meta_data = row.json("meta_data");
        if let Some(object) = meta_data.as_mut().and_then(|json| json.as_object_mut()) {
            let mut take = |key: &str| {
                object
                    .shift_remove(key)
                    .and_then(|value| value.as_str().map(ToOwned::to_owned))
                    .unwrap_or_default()
            };
            self.script = take("jobScript");
            self.name = take("jobName");
        }
        for column in ["footprint", "energy_footprint", "resources"] {
            self.json.push((column, laid_out(&row, column)));
        }
        let rest = meta_data.map_or_else(
            || row.text("meta_data").to_owned(),
            |json| {
                json.as_object().map_or_else(
                    || json.to_string(),
                    |object| {
                        object
                            .iter()
                            .map(|(key, value)| {
                                let text = value
                                    .as_str()
                                    .map_or_else(|| value.to_string(), ToOwned::to_owned);
                                format!("{key}\n{text}")
                            })
                            .collect::<Vec<_>>()
                            .join("\n\n")
                    },
                )
            },
        );
        self.json.push(("meta_data", rest));
        self.row = Some(row);
    }
}

/// A JSON column on several lines; as it is where it is no JSON, empty where it is NULL.
fn laid_out(row: &JobRow, column: &str) -> String {
    row.json(column)
        .filter(|json| !json.is_null())
        .and_then(|json| serde_json::to_string_pretty(&json).ok())
        .unwrap_or_else(|| {
            let text = row.text(column);
            if text == "null" {
                String::new()
            } else {
                text.to_owned()
            }
        })
}

//! One job as the window shows it.

use super::list::{COLUMNS, DETAIL_COLUMNS};
use crate::db::value::Cell;

/// One row of the job list. What a strange database leaves out is `None`, never an error.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    /// The values in the order of the list's columns, as they came.
    cells: Vec<Cell>,
}

impl JobRow {
    /// Takes a row of the job list, or of one job with all its columns.
    pub fn from_cells(cells: Vec<Cell>) -> Option<Self> {
        (cells.len() >= COLUMNS.len()).then_some(Self { cells })
    }

    /// The values in the order of the list's columns; one more where the list is sorted by
    /// something that is none of them.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The value of a column by its name in the database.
    pub fn get(&self, column: &str) -> &Cell {
        COLUMNS
            .iter()
            .chain(&DETAIL_COLUMNS)
            .position(|(name, _)| *name == column)
            .and_then(|index| self.cells.get(index))
            .unwrap_or(&Cell::Null)
    }

    /// The value that the list is sorted by, where it is none of the list's columns.
    pub fn extra(&self) -> &Cell {
        self.cells.get(COLUMNS.len()).unwrap_or(&Cell::Null)
    }

    /// The database id, unique in the file.
    pub fn id(&self) -> i64 {
        self.cells.first().and_then(Cell::as_id).unwrap_or(0)
    }

    /// An integer column, where it holds one.
    pub fn int(&self, column: &str) -> Option<i64> {
        self.get(column).as_int()
    }

    /// A text column, in whichever storage class. Empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        self.get(column).as_text().unwrap_or("")
    }

    /// A JSON column, parsed. `None` for NULL and for what is no JSON.
    pub fn json(&self, column: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.get(column).as_text()?).ok()
    }

    /// The columns of a job that was asked by itself as one JSON object: values as they are stored,
    /// JSON columns as JSON where they hold any.
    pub fn to_json(&self) -> String {
        let columns = COLUMNS.iter().chain(&DETAIL_COLUMNS);
        let lines: Vec<_> = columns
            .zip(&self.cells)
            .filter_map(|((name, unit), cell)| {
                let holds_json = unit.is_some_and(|unit| unit.starts_with("JSON"));
                // The text itself, not what we read from it: numbers keep all their digits.
                let json = cell.as_text().filter(|text| {
                    holds_json && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
                });
                let value = match json {
                    Some(json) => json.to_owned(),
                    None => serde_json::to_string(cell).ok()?,
                };
                Some(format!("  \"{name}\": {value}"))
            })
            .collect();
        format!("{{\n{}\n}}", lines.join(",\n"))
    }

    /// How long the job has run by `now`: of a running job the time since its start.
    ///
    /// The stored duration of a running job is up to five minutes old.
    pub fn duration_secs(&self, now_unix_secs: i64) -> Option<i64> {
        if self.text("job_state") == "running" {
            Some(now_unix_secs.saturating_sub(self.int("start_time")?))
        } else {
            self.int("duration")
        }
    }

    /// Whether the stored duration is what [`Self::duration_secs`] answers with.
    pub fn is_running(&self) -> bool {
        self.text("job_state") == "running"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: &str, start: i64, duration: i64) -> JobRow {
        let mut cells = vec![Cell::Null; COLUMNS.len()];
        cells[0] = Cell::Int(1);
        cells[6] = Cell::Int(start);
        cells[15] = Cell::Blob(state.as_bytes().to_vec());
        cells[16] = Cell::Int(duration);
        cells[19] = Cell::Blob(b"{\"cpu_load_avg\":71.3}".to_vec());
        JobRow::from_cells(cells).expect("21 columns")
    }

    #[test]
    fn a_running_job_has_run_since_its_start() {
        assert_eq!(row("running", 1000, 300).duration_secs(1700), Some(700));
        assert_eq!(row("completed", 1000, 300).duration_secs(1700), Some(300));
    }

    #[test]
    fn a_copied_row_embeds_what_is_json_and_keeps_the_rest_as_text() {
        let mut cells = row("completed", 0, 0).cells;
        cells[18] =
            Cell::Text("[{\"hostname\": \"f1\", \"n\": 0.10000000000000000001}]".to_owned());
        cells[20] = Cell::Real(4.0);
        cells.extend([
            Cell::Int(0),
            Cell::Text("{not json".to_owned()),
            Cell::Blob(vec![0xff]),
        ]);
        let text = JobRow::from_cells(cells).expect("24 columns").to_json();
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(24));
        assert_eq!(json["resources"][0]["hostname"], "f1");
        assert!(
            text.contains("0.10000000000000000001"),
            "every digit: {text}"
        );
        assert_eq!(json["footprint"]["cpu_load_avg"], 71.3);
        assert_eq!(json["energy_footprint"], "{not json");
        assert_eq!(json["meta_data"], "x'ff'");
        assert_eq!(json["energy"], 4.0);
        assert!(json["hpc_user"].is_null());
    }

    #[test]
    fn json_is_read_from_bytes_and_nulls_are_no_error() {
        let job = row("completed", 0, 0);
        assert_eq!(
            job.json("footprint")
                .and_then(|f| f["cpu_load_avg"].as_f64()),
            Some(71.3)
        );
        assert_eq!(job.json("resources"), None);
        assert_eq!(job.text("hpc_user"), "");
        assert_eq!(job.int("num_acc"), None);
    }
}

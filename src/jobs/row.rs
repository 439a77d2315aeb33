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

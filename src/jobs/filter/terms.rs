//! A filter as SQL: what stands after FROM, with its values.

use super::{
    Bound, Condition, JobFilter, NumberField, Range, Schedule, StartTime, TagMode, TextField,
    TextMatch, TextOp, check_metric, whole,
};
use crate::{
    db::value::Cell,
    error::{Error, Result},
    jobs::{
        catalogue::Clock,
        schema::{HOST, Schema, escaped, json_value, nodes_of},
        sql::{Sql, marks},
    },
};

/// The jobs that a query is about, and how it reads them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Which jobs.
    pub filter: JobFilter,
    /// The present.
    pub clock: Clock,
    /// Answer as cc-backend does, defects included, instead of rightly.
    pub as_backend: bool,
}

impl Selection {
    /// All jobs that match, at this moment.
    pub fn new(filter: JobFilter, clock: Clock) -> Self {
        Self {
            filter,
            clock,
            as_backend: false,
        }
    }

    /// Whether both mean the same jobs of the same file.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let moves = |filter: &JobFilter| {
            (filter.conditions.iter())
                .any(|condition| matches!(condition, Condition::Start(StartTime::Last(_))))
        };
        self.filter == other.filter
            && self.as_backend == other.as_backend
            && (self.clock == other.clock || !moves(&self.filter))
    }

    /// `FROM job WHERE …`: each matching job once. `extra` conditions come last.
    ///
    /// # Errors
    /// If the file lacks a column that the filter needs.
    pub fn source(&self, schema: &Schema, extra: Option<Sql>) -> Result<Sql> {
        self.source_with(schema, extra, false)
    }

    /// The same for queries that add jobs up: cc-backend joins the tags there, and counts a job
    /// once for each of the wanted tags that it carries.
    pub(in crate::jobs) fn source_to_add_up(
        &self,
        schema: &Schema,
        extra: Option<Sql>,
    ) -> Result<Sql> {
        self.source_with(schema, extra, self.as_backend)
    }

    fn source_with(&self, schema: &Schema, extra: Option<Sql>, join_tags: bool) -> Result<Sql> {
        let mut source = Sql::text(format!("FROM {}", schema.job_table()));
        let mut terms = Vec::new();
        let mut tag_conditions = 0;
        for condition in &self.filter.conditions {
            tag_conditions += usize::from(condition.key() == TagMode::Any.key());
            match condition {
                Condition::Tags {
                    mode: TagMode::Any,
                    ids,
                } if join_tags => {
                    source.append(joined_tags(schema, ids)?);
                }
                Condition::Tags { .. }
                | Condition::Ids(_)
                | Condition::Text { .. }
                | Condition::Schedule(_)
                | Condition::ArrayJob(_)
                | Condition::States(_)
                | Condition::Shared(_)
                | Condition::Number { .. }
                | Condition::Start(_)
                | Condition::Metric { .. } => terms.push(self.term(schema, condition)?),
            }
        }
        if self.as_backend && tag_conditions > 1 {
            let text = self.filter.to_json().to_string();
            let expected = "one condition on tags: cc-backend's own SQL is invalid with two";
            return Err(Error::invalid("filter", text, expected));
        }
        terms.extend(extra);
        for (index, term) in terms.into_iter().enumerate() {
            source.push(if index == 0 { "\nWHERE " } else { "\n  AND " });
            source.append(term);
        }
        Ok(source)
    }

    fn term(&self, schema: &Schema, condition: &Condition) -> Result<Sql> {
        match condition {
            Condition::Ids(ids) => {
                let values = ids.iter().copied().map(Cell::Int);
                Ok(one_of(schema.column("id")?, values))
            }
            Condition::Text { field, is } => self.text(schema, *field, is),
            Condition::Schedule(schedule) => {
                let name = json_value(schema.column("meta_data")?, "jobName");
                let op = match schedule {
                    Schedule::Interactive => "=",
                    Schedule::Batch => "<>",
                };
                Ok(Sql::text(format!("{name} {op} 'interactive'")))
            }
            // Literals where the plan depends on the value, as cc-backend writes them: only then
            // does the planner see that a partial index (WHERE job_state = 'running') fits, and
            // the plan that is shown is the one that runs.
            Condition::ArrayJob(id) => Ok(Sql::text(format!(
                "{} = {id}",
                schema.column("array_job_id")?
            ))),
            Condition::Shared(word) => Ok(one_word(schema.column("shared")?, word)),
            Condition::States(states) => match states.as_slice() {
                [state] => Ok(one_word(schema.column("job_state")?, state)),
                several => {
                    let values = several.iter().cloned().map(Cell::Text);
                    Ok(one_of(schema.column("job_state")?, values))
                }
            },
            Condition::Number { field, range } => {
                Ok(in_range(schema.column(field.column())?, range, *field))
            }
            Condition::Start(start) => Ok(self.start(schema.column("start_time")?, *start)),
            Condition::Tags { mode, ids } => tags(schema, *mode, ids),
            Condition::Metric { key, range } => metric(schema.column("footprint")?, key, range),
        }
    }

    fn text(&self, schema: &Schema, field: TextField, is: &TextMatch) -> Result<Sql> {
        let is_forgotten = self.as_backend && is.op == TextOp::In;
        // cc-backend forgets this operator for what lies inside JSON; that it is JSON remains.
        let valid = |column| Ok(Sql::text(format!("json_valid({})", schema.column(column)?)));
        match field {
            TextField::JobName if is_forgotten => valid("meta_data"),
            TextField::Node if is_forgotten => valid("resources"),
            TextField::JobName => {
                let name = json_value(schema.column("meta_data")?, "jobName");
                Ok(self.compare(&name, is))
            }
            TextField::Node => self.node(schema.column("resources")?, is),
            TextField::Cluster
            | TextField::SubCluster
            | TextField::Partition
            | TextField::Project
            | TextField::User
            | TextField::JobId => {
                let column = field.column().unwrap_or_default();
                Ok(self.compare(schema.column(column)?, is))
            }
        }
    }

    fn node(&self, resources: &str, is: &TextMatch) -> Result<Sql> {
        if self.as_backend && is.op == TextOp::StartsWith {
            let expected = "another operator: cc-backend's own SQL for startsWith is invalid";
            return Err(Error::invalid("filter field node", is.value(), expected));
        }
        let Sql { text, params } = self.compare(HOST, is);
        let nodes = nodes_of(resources);
        let text = format!("EXISTS (SELECT 1 FROM {nodes} WHERE {text})");
        Ok(Sql::with(text, params))
    }

    /// How a text of the file is compared with what the user wrote.
    pub(in crate::jobs) fn compare(&self, value: &str, is: &TextMatch) -> Sql {
        let bound = |op: &str| {
            let text = Cell::Text(is.value().to_owned());
            Sql::with(format!("{value} {op} ?"), [text])
        };
        let like = |before: &str, after: &str| {
            let (wanted, escape) = if self.as_backend {
                (is.value().to_owned(), "")
            } else {
                (escaped(is.value()), " ESCAPE '\\'")
            };
            Sql::with(
                format!("{value} LIKE ?{escape}"),
                [Cell::Text(format!("{before}{wanted}{after}"))],
            )
        };
        match is.op {
            TextOp::Eq => bound("="),
            TextOp::Neq => bound("<>"),
            TextOp::StartsWith => like("", "%"),
            TextOp::EndsWith => like("%", ""),
            TextOp::Contains => like("%", "%"),
            TextOp::Like => bound("LIKE"),
            TextOp::In => Sql::with(
                format!("{value} IN ({})", marks(is.values.len())),
                is.values.iter().cloned().map(Cell::Text),
            ),
        }
    }

    fn start(&self, column: &str, start: StartTime) -> Sql {
        match start {
            StartTime::Last(preset) => {
                let first = self.clock.now_unix_secs.saturating_sub(preset.secs());
                Sql::with(format!("{column} >= ?"), [Cell::Int(first)])
            }
            StartTime::Between {
                from: Some(from),
                to: Some(to),
            } => Sql::with(
                format!("{column} BETWEEN ? AND ?"),
                [Cell::Int(from), Cell::Int(to)],
            ),
            StartTime::Between {
                from: Some(from), ..
            } => Sql::with(format!("{column} >= ?"), [Cell::Int(from)]),
            StartTime::Between { to: Some(to), .. } => {
                Sql::with(format!("{column} <= ?"), [Cell::Int(to)])
            }
            StartTime::Between { .. } => Sql::text("TRUE"),
        }
    }
}

fn one_of(column: &str, values: impl ExactSizeIterator<Item = Cell>) -> Sql {
    Sql::with(format!("{column} IN ({})", marks(values.len())), values)
}

fn one_word(column: &str, word: &str) -> Sql {
    let is_plain = !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain {
        Sql::text(format!("{column} = '{word}'"))
    } else {
        Sql::with(format!("{column} = ?"), [Cell::Text(word.to_owned())])
    }
}

fn number(value: f64) -> Cell {
    whole(value).map_or(Cell::Real(value), Cell::Int)
}

fn in_range(column: &str, range: &Range, field: NumberField) -> Sql {
    let cell = |value| {
        if field.is_whole() {
            number(value)
        } else {
            Cell::Real(value)
        }
    };
    bounds(column, range, cell)
}

fn bounds(value: &str, range: &Range, cell: impl Fn(f64) -> Cell) -> Sql {
    let op = |bound: Bound, op: &str| {
        let equal = if bound.inclusive { "=" } else { "" };
        Sql::with(format!("{value} {op}{equal} ?"), [cell(bound.value)])
    };
    match (range.lower, range.upper) {
        (None, None) => Sql::text("TRUE"),
        (Some(lower), None) => op(lower, ">"),
        (None, Some(upper)) => op(upper, "<"),
        (Some(lower), Some(upper)) if lower.inclusive && upper.inclusive => Sql::with(
            format!("{value} BETWEEN ? AND ?"),
            [cell(lower.value), cell(upper.value)],
        ),
        (Some(lower), Some(upper)) => {
            let mut both = op(lower, ">");
            both.push(" AND ");
            both.append(op(upper, "<"));
            both
        }
    }
}

fn metric(footprint: &str, key: &str, range: &Range) -> Result<Sql> {
    let key = check_metric(key)?;
    if range.is_empty() {
        return Ok(Sql::text(format!("json_valid({footprint})")));
    }
    Ok(bounds(&json_value(footprint, key), range, number))
}

fn tags(schema: &Schema, mode: TagMode, ids: &[i64]) -> Result<Sql> {
    schema.require("jobtag", &["job_id", "tag_id"])?;
    let wanted = marks(ids.len());
    let id = schema.column("id")?;
    let values = || ids.iter().copied().map(Cell::Int);
    Ok(match mode {
        TagMode::Any => Sql::with(
            format!("{id} IN (SELECT job_id FROM jobtag WHERE tag_id IN ({wanted}))"),
            values(),
        ),
        TagMode::All if ids.is_empty() => Sql::text("TRUE"),
        TagMode::All => {
            let mut distinct = ids.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            let count = distinct.len();
            Sql::with(
                format!(
                    "{id} IN (SELECT job_id FROM jobtag WHERE tag_id IN ({wanted}) \
                     GROUP BY job_id HAVING COUNT(DISTINCT tag_id) = {count})"
                ),
                values(),
            )
        }
        TagMode::None => Sql::with(
            format!(
                "NOT EXISTS (SELECT 1 FROM jobtag WHERE jobtag.job_id = job.{id} \
                 AND jobtag.tag_id IN ({wanted}))"
            ),
            values(),
        ),
    })
}

/// cc-backend's join, in which a job appears once for each of the tags. Under a name of its own,
/// so that `job_id` stays the scheduler's.
fn joined_tags(schema: &Schema, ids: &[i64]) -> Result<Sql> {
    schema.require("jobtag", &["job_id", "tag_id"])?;
    Ok(Sql::with(
        format!(
            "\nJOIN (SELECT job_id AS tagged FROM jobtag WHERE tag_id IN ({})) AS tagging \
             ON tagging.tagged = job.id",
            marks(ids.len())
        ),
        ids.iter().copied().map(Cell::Int),
    ))
}

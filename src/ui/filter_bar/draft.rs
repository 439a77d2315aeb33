//! What is being typed into a chip's fields, and the condition that it makes.

use jiff::tz::TimeZone;

use super::words::{Field, duration_text};
use crate::{
    error::{Error, Result},
    jobs::filter::{
        Bound, Condition, NumberField, Range, StartTime, TagMode, TextField, TextMatch, TextOp,
        check_metric,
        flag::{parse_metric, parse_range},
        json::between,
    },
    units::{format_time, parse_time},
};

/// The fields of one editor. Each editor uses some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The condition that the editor was opened on; `None` for a new one.
    pub based_on: Option<Condition>,
    /// The comparison of texts.
    pub op: TextOp,
    /// A text, an id, a key of the footprint, or what is looked for among the suggestions.
    pub text: String,
    /// The texts of "is one of".
    pub chosen: Vec<String>,
    /// The lower end of a range or of a time.
    pub lower: String,
    /// The upper end.
    pub upper: String,
    /// The ends themselves do not belong to the range.
    pub open: [bool; 2],
    /// How tags count.
    pub mode: TagMode,
    /// The chosen tags.
    pub ids: Vec<i64>,
    /// The editor has just been opened: its first field is where one types.
    pub wants_focus: bool,
    /// What is wrong with what was typed.
    pub error: Option<String>,
}

impl Draft {
    /// The fields for a condition, or empty ones.
    pub fn new(condition: Option<&Condition>, zone: &TimeZone) -> Self {
        let mut draft = Self {
            based_on: condition.cloned(),
            op: TextOp::Eq,
            text: String::new(),
            chosen: Vec::new(),
            lower: String::new(),
            upper: String::new(),
            open: [false; 2],
            mode: TagMode::Any,
            ids: Vec::new(),
            wants_focus: true,
            error: None,
        };
        match condition {
            None
            | Some(
                Condition::Schedule(_)
                | Condition::States(_)
                | Condition::Shared(_)
                | Condition::Start(StartTime::Last(_)),
            ) => {}
            Some(Condition::Text { is, .. }) => {
                draft.op = is.op;
                if is.op == TextOp::In {
                    draft.chosen.clone_from(&is.values);
                } else {
                    is.value().clone_into(&mut draft.text);
                }
            }
            Some(Condition::Ids(ids)) => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                draft.text = ids.join(", ");
            }
            Some(Condition::ArrayJob(id)) => draft.text = id.to_string(),
            Some(Condition::Number { field, range }) => draft.fill_range(range, Some(*field)),
            Some(Condition::Metric { key, range }) => {
                draft.text.clone_from(key);
                draft.fill_range(range, None);
            }
            Some(Condition::Start(StartTime::Between { from, to })) => {
                let text = |secs: &Option<i64>| {
                    secs.map_or_else(String::new, |secs| exact_time(secs, zone))
                };
                draft.lower = text(from);
                draft.upper = text(to);
            }
            Some(Condition::Tags { mode, ids }) => {
                draft.mode = *mode;
                draft.ids.clone_from(ids);
            }
        }
        draft
    }

    fn fill_range(&mut self, range: &Range, field: Option<NumberField>) {
        let text = |end: Option<Bound>| match (end, field) {
            (None, _) => String::new(),
            (Some(end), Some(NumberField::Duration)) => duration_text(end.value),
            (Some(end), _) => end.value.to_string(),
        };
        self.lower = text(range.lower);
        self.upper = text(range.upper);
        self.open = [range.lower, range.upper].map(|end| end.is_some_and(|end| !end.inclusive));
    }

    /// The condition that the fields make.
    ///
    /// # Errors
    /// If something typed cannot be used: the error says what would be right.
    pub fn condition(&self, field: Field, zone: &TimeZone) -> Result<Condition> {
        match field {
            Field::Text(field) => self.text(field),
            Field::Number(field) => {
                let range = self.range(field.key(), |text| parse_range(field, text))?;
                Ok(Condition::Number { field, range })
            }
            Field::Footprint => self.metric(),
            Field::Start => self.start(zone),
            Field::Tags if self.ids.is_empty() => {
                Err(Error::invalid("choice of tags", "", "at least one"))
            }
            Field::Tags => Ok(Condition::Tags {
                mode: self.mode,
                ids: self.ids.clone(),
            }),
            Field::ArrayJob => self.id("job array").map(Condition::ArrayJob),
            Field::Row => self.rows(),
            // These are chosen, never typed.
            Field::State | Field::Shared | Field::Schedule => {
                Err(Error::invalid(field.name(), &self.text, "a choice"))
            }
        }
    }

    fn text(&self, field: TextField) -> Result<Condition> {
        let typed = self.text.trim();
        let is = if self.op == TextOp::In {
            let mut values = self.chosen.clone();
            let typed = typed.split(',').map(str::trim);
            values.extend(typed.filter(|text| !text.is_empty()).map(ToOwned::to_owned));
            if values.is_empty() {
                return Err(Error::invalid("list of values", "", "at least one"));
            }
            TextMatch {
                op: TextOp::In,
                values,
            }
        } else {
            TextMatch::new(self.op, typed)
        };
        let is_asking_for_all = !matches!(self.op, TextOp::In | TextOp::Neq) && typed.is_empty();
        if is_asking_for_all {
            return Err(Error::invalid(field.key(), typed, "a text"));
        }
        Ok(Condition::Text { field, is })
    }

    /// Both fields together, or the short form of the command line in one of them.
    fn range(&self, what: &str, read: impl Fn(&str) -> Result<Range>) -> Result<Range> {
        let (lower, upper) = (self.lower.trim(), self.upper.trim());
        let [lower_open, upper_open] = self.open;
        let range = match (lower, upper) {
            ("", "") => {
                let expected = "a number in one of the fields";
                return Err(Error::invalid(what, "", expected));
            }
            (all, "") if is_short_form(all) => read(all)?,
            ("", all) if all.starts_with(['<', '≤']) => read(all)?,
            (lower, upper) => {
                let end = |text: &str, open: bool, expected| {
                    if text.is_empty() {
                        return Ok(None);
                    }
                    // A second range in one end cannot be meant, and a part of it even less.
                    if is_short_form(text) {
                        return Err(Error::invalid(what, text, expected));
                    }
                    let value = read(text)?.lower;
                    Ok(value.map(|Bound { value, .. }| Bound {
                        value,
                        inclusive: !open,
                    }))
                };
                let in_first = "one number; a range like 4..16 only where at most is empty";
                let in_second = "one number; a range like 4..16 stands in the first field";
                Range {
                    lower: end(lower, lower_open, in_first)?,
                    upper: end(upper, upper_open, in_second)?,
                }
            }
        };
        if range == Range::default() {
            return Err(Error::invalid(what, format!("{lower}{upper}"), "a number"));
        }
        range.checked(what)
    }

    fn metric(&self) -> Result<Condition> {
        let key = check_metric(self.text.trim())?.to_owned();
        let range = self.range(&key, |text| {
            let op = if text.starts_with(['<', '>', '=', '≥', '≤']) {
                ""
            } else {
                "="
            };
            let condition = parse_metric(&format!("{key}{op}{text}"))?;
            let Condition::Metric { range, .. } = condition else {
                return Ok(Range::default());
            };
            Ok(range)
        })?;
        Ok(Condition::Metric { key, range })
    }

    fn start(&self, zone: &TimeZone) -> Result<Condition> {
        let read = |text: &str| {
            (!text.trim().is_empty())
                .then(|| parse_time(text, zone))
                .transpose()
        };
        let (from, to) = (read(&self.lower)?, read(&self.upper)?);
        if from.is_none() && to.is_none() {
            let expected = "a time in one of the fields, like 2026-03-11 06:14";
            return Err(Error::invalid("start time", "", expected));
        }
        between(from, to).map(Condition::Start)
    }

    fn id(&self, what: &str) -> Result<i64> {
        let text = self.text.trim();
        text.parse()
            .map_err(|_no_number| Error::invalid(what, text, "its id, a whole number"))
    }

    fn rows(&self) -> Result<Condition> {
        self.text
            .split([',', ' '])
            .filter(|text| !text.is_empty())
            .map(|text| {
                let invalid = |_no_number| Error::invalid("row id", text, "whole numbers");
                text.parse().map_err(invalid)
            })
            .collect::<Result<Vec<i64>>>()
            .and_then(|ids| {
                if ids.is_empty() {
                    return Err(Error::invalid("row id", "", "at least one whole number"));
                }
                Ok(Condition::Ids(ids))
            })
    }
}

/// Whether a text says by itself which end it is, or has both.
fn is_short_form(text: &str) -> bool {
    text.contains(['<', '>', '=', '≥', '≤']) || text.contains("..")
}

/// A time as it can be typed again. What lies between two minutes keeps its seconds.
fn exact_time(secs: i64, zone: &TimeZone) -> String {
    let text = format_time(secs, zone);
    if parse_time(&text, zone).ok() == Some(secs) {
        text
    } else {
        crate::units::format_rfc3339(secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::filter::JobFilter;

    #[test]
    fn opening_an_editor_and_applying_it_changes_nothing() {
        for json in [
            r#"{"user":{"contains":"k10"}}"#,
            r#"{"user":{"in":["a,b","c"]}}"#,
            r#"{"partition":{"neq":""}}"#,
            r#"{"numNodes":{"ge":0,"lt":4}}"#,
            r#"{"duration":{"gt":3600,"le":5401}}"#,
            r#"{"energy":{"eq":0.5}}"#,
            r#"{"startTime":{"from":"2026-03-11T06:14:07Z","to":"2026-03-12T00:00:00Z"}}"#,
            r#"{"tagsNone":[3,4]}"#,
            r#"{"dbId":[1,2]}"#,
            r#"{"arrayJobId":7}"#,
            r#"{"metricStats":[{"metricName":"mem_used_max","range":{"gt":-1,"lt":10}}]}"#,
        ] {
            let filter = JobFilter::from_json(json).expect(json);
            let condition = &filter.conditions[0];
            let draft = Draft::new(Some(condition), &TimeZone::UTC);
            let again = draft.condition(Field::of(condition), &TimeZone::UTC);
            assert_eq!(again.map_err(|e| e.chain()).as_ref(), Ok(condition));
        }
    }

    #[test]
    fn a_range_is_two_fields_or_the_short_form_in_one() {
        let read = |lower: &str, upper: &str, open| {
            let draft = Draft {
                lower: lower.to_owned(),
                upper: upper.to_owned(),
                open,
                ..Draft::new(None, &TimeZone::UTC)
            };
            let field = Field::Number(NumberField::NumNodes);
            match draft.condition(field, &TimeZone::UTC) {
                Ok(Condition::Number { range, .. }) => range.to_string(),
                Ok(other) => panic!("{other:?}"),
                Err(error) => error.chain(),
            }
        };
        assert_eq!(read("4", "", [false, false]), ">=4");
        assert_eq!(read("4", "16", [true, false]), ">4..16");
        assert_eq!(read("", "16", [true, true]), "<16");
        assert_eq!(read("4..16", "", [false, false]), "4..16");
        assert_eq!(read("<16", "", [false, false]), "<16");
        assert_eq!(read("", "<16", [false, false]), "<16");
        assert_eq!(read("", "≤ 16", [false, false]), "<=16");
        for (lower, upper, named) in [
            ("4", "<16", "one number"),
            (">4", "16", "one number"),
            ("4..8", "16", "only where at most is empty"),
            ("", "4..16", "first field"),
            ("", ">=4", "first field"),
            ("", "=4", "first field"),
            ("..", "", ".."),
            ("many", "", "many"),
            ("16", "4", "16..4"),
            ("", "", "number"),
        ] {
            let error = read(lower, upper, [false, false]);
            assert!(error.contains(named), "{error}");
        }
    }
}

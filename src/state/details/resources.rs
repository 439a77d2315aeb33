//! The nodes of a job, and what it had of each.

use serde_json::Value;

use crate::jobs::row::JobRow;

/// The column `resources`, prepared for a table.
#[derive(Debug, Default)]
pub struct Nodes {
    /// One line for each entry, in the order of the file.
    pub list: Vec<NodeUse>,
    /// Why there is no list: the column is empty, or something else than a list.
    pub trouble: Option<&'static str>,
    /// Characters of the longest host name.
    pub host_width: usize,
    /// Characters of the longest list of hardware threads.
    pub threads_width: usize,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeUse {
    /// Its name.
    pub hostname: String,
    /// The hardware threads, where the file lists them. Otherwise the job had all of them.
    pub threads: Option<Ids>,
    /// The accelerators, where the file lists some.
    pub accelerators: Option<Ids>,
    /// A remark of the scheduler. Nearly always empty.
    pub configuration: String,
}

/// A list of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// How many there are.
    pub count: usize,
    /// Numbers as ranges, `0-35,72-107`; anything else one after the other.
    pub text: String,
}

impl Nodes {
    pub(super) fn of(row: &JobRow) -> Self {
        let json = row.json("resources");
        let trouble = match &json {
            Some(Value::Array(list)) if list.is_empty() => Some("The list of nodes is empty"),
            Some(Value::Array(_)) => None,
            Some(Value::Null) => Some("No nodes are stored"),
            Some(_) => Some("The nodes are stored as something else than a list; see the raw row"),
            None if row.get("resources").display().is_empty() => Some("No nodes are stored"),
            None => Some("The nodes are stored as something that is no JSON; see the raw row"),
        };
        let list: Vec<_> = match json {
            Some(Value::Array(list)) => list.iter().map(node).collect(),
            _ => Vec::new(),
        };
        let longest = |len: &dyn Fn(&NodeUse) -> usize| list.iter().map(len).max().unwrap_or(0);
        Self {
            trouble,
            host_width: longest(&|node| node.hostname.chars().count()),
            threads_width: longest(&|node| {
                let threads = node.threads.as_ref();
                threads.map_or(0, |ids| ids.text.chars().count())
            }),
            list,
        }
    }
}

fn node(entry: &Value) -> NodeUse {
    let text = |key: &str| entry.get(key).map_or_else(String::new, plain);
    let ids = |key: &str| {
        let list = entry.get(key)?.as_array()?;
        (!list.is_empty()).then(|| ids(list))
    };
    NodeUse {
        hostname: if entry.is_object() {
            text("hostname")
        } else {
            plain(entry)
        },
        threads: ids("hwthreads"),
        accelerators: ids("accelerators"),
        configuration: text("configuration"),
    }
}

/// A text without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_null() => String::new(),
        None => value.to_string(),
    }
}

fn ids(list: &[Value]) -> Ids {
    let number = |value: &Value| match value.as_str() {
        Some(text) => text.parse().ok(),
        None => value.as_u64(),
    };
    let text = list.iter().map(number).collect::<Option<Vec<_>>>();
    Ids {
        count: list.len(),
        text: text.map_or_else(
            || list.iter().map(plain).collect::<Vec<_>>().join(", "),
            ranges,
        ),
    }
}

/// `0-35,72-107`: in order, whatever order they came in, each once.
fn ranges(mut ids: Vec<u64>) -> String {
    ids.sort_unstable();
    ids.dedup();
    ids.chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| match run {
            [] => None,
            [one] => Some(one.to_string()),
            [first, .., last] => Some(format!("{first}-{last}")),
        })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::value::Cell, jobs::list::COLUMNS};

    fn nodes(resources: &Cell) -> Nodes {
        let cells = COLUMNS.iter().map(|(name, _)| match *name {
            "resources" => resources.clone(),
            _ => Cell::Null,
        });
        Nodes::of(&JobRow::from_cells(cells.collect()).expect("21 columns"))
    }

    #[test]
    fn numbers_become_ranges_in_their_order() {
        for (ids, text) in [
            (vec![], ""),
            (vec![7], "7"),
            (vec![0, 1], "0-1"),
            (vec![3, 1, 2, 2, 9], "1-3,9"),
            ((0..36).chain(72..108).collect(), "0-35,72-107"),
            (
                vec![u64::MAX, u64::MAX - 1],
                "18446744073709551614-18446744073709551615",
            ),
        ] {
            assert_eq!(ranges(ids), text);
        }
    }

    #[test]
    fn a_node_has_threads_and_accelerators_or_all_of_them() {
        let json = r#"[
            {"hostname": "a0123", "hwthreads": [0, 1, 2, 8], "accelerators": ["00000000:E1:00.0", "x"]},
            {"hostname": "f0311", "hwthreads": [], "accelerators": ["1", "0"], "configuration": "quad"},
            "w12"
        ]"#;
        let nodes = nodes(&Cell::Blob(json.as_bytes().to_vec()));
        let ids = |count, text: &str| {
            Some(Ids {
                count,
                text: text.to_owned(),
            })
        };
        assert_eq!(nodes.trouble, None);
        assert_eq!((nodes.host_width, nodes.threads_width), (5, 5));
        let [first, second, third] = nodes.list.as_slice() else {
            panic!("three nodes: {nodes:?}");
        };
        assert_eq!(first.threads, ids(4, "0-2,8"));
        assert_eq!(first.accelerators, ids(2, "00000000:E1:00.0, x"));
        assert_eq!(
            (&second.threads, &second.accelerators),
            (&None, &ids(2, "0-1"))
        );
        assert_eq!(second.configuration, "quad");
        assert_eq!(third.hostname, "w12");
    }

    #[test]
    fn what_is_no_list_says_so() {
        for (cell, part) in [
            (Cell::Null, "No nodes"),
            (Cell::Text("null".to_owned()), "No nodes"),
            (Cell::Text("[]".to_owned()), "empty"),
            (Cell::Text("{}".to_owned()), "else than a list"),
            (Cell::Text("[{".to_owned()), "no JSON"),
            (Cell::Blob(vec![0xff]), "no JSON"),
        ] {
            let nodes = nodes(&cell);
            assert!(
                nodes.trouble.is_some_and(|why| why.contains(part)),
                "{part}"
            );
            assert!(nodes.list.is_empty());
        }
    }
}

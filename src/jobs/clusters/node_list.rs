//! How many nodes a bracket list names, such as `f[0101-0188,0190],a0831,b[1-2]n[01-03]`.

/// The number of nodes, counted from the ends of the ranges: a list of a billion takes no memory.
///
/// A node that is named twice counts twice, as in the backend. `None` for `*` and for everything
/// else that is no list of nodes, or names more of them than can be counted.
pub fn count(list: &str) -> Option<usize> {
    let mut in_brackets = false;
    let num_nodes = list
        .split(|c| {
            match c {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                _ => {}
            }
            c == ',' && !in_brackets
        })
        .try_fold(0_usize, |sum, term| sum.checked_add(count_term(term)?))?;
    (num_nodes > 0).then_some(num_nodes)
}

/// One term: text and brackets in any order. Each bracket multiplies what the others name.
fn count_term(term: &str) -> Option<usize> {
    let mut rest = term.trim();
    if rest.is_empty() {
        return Some(0);
    }
    let mut num_nodes = 1_usize;
    while let Some((text, bracket)) = rest.split_once('[') {
        let (ranges, tail) = bracket.split_once(']')?;
        num_nodes = num_nodes.checked_mul(count_ranges(ranges)?)?;
        if !is_name(text) {
            return None;
        }
        rest = tail;
    }
    is_name(rest).then_some(num_nodes)
}

fn is_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The inside of one bracket: numbers and ranges with both ends included.
fn count_ranges(ranges: &str) -> Option<usize> {
    ranges.split(',').try_fold(0_usize, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let steps = number(last)?.checked_sub(number(first)?)?;
        sum.checked_add(steps.checked_add(1)?)
    })
}

fn number(text: &str) -> Option<usize> {
    let digits = text.trim();
    // `parse` alone would take a plus sign.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lists_and_products_are_counted() {
        for (list, expected) in [
            ("a0831", 1),
            ("login,a0831", 2),
            ("f[0101-0188]", 88),
            ("f[0101-0188,0190]", 89),
            ("f[0101-0188,0190],a0831,b[1-2]n[01-03]", 96),
            ("[1-3]", 3),
            ("rack[1-2]-node-[001-010].site", 20),
            (" f[01-02], f[05 - 06] ,", 4),
            ("f[7]", 1),
            ("f[01-03],f02", 4),
        ] {
            assert_eq!(count(list), Some(expected), "{list}");
        }
    }

    #[test]
    fn what_names_no_nodes_has_no_number() {
        for list in [
            "",
            " , ",
            "*",
            "f*",
            "f[01-",
            "f01]",
            "f[]",
            "f[9-1]",
            "f[a-b]",
            "f[+1-2]",
            "f[1-2-3]",
            "f[[1-2]]",
            "f[1-2]]",
            "two words",
        ] {
            assert_eq!(count(list), None, "{list}");
        }
    }

    #[test]
    fn a_huge_list_neither_fills_memory_nor_overflows() {
        assert_eq!(count("f[0-999999999999]"), Some(1_000_000_000_000));
        for list in [
            "f[0-18446744073709551615]",
            "f[1-18446744073709551615],g",
            "f[1-10000000000]g[1-10000000000]",
            "f[0-99999999999999999999999]",
        ] {
            assert_eq!(count(list), None, "{list}");
        }
    }
}

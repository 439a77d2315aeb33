//! Heap limits over time: which were in force when.

use crate::{db::status::HeapLimits, units::Bytes};

/// One of the two heap limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapLimit {
    /// `PRAGMA soft_heap_limit`.
    Soft,
    /// `PRAGMA hard_heap_limit`.
    Hard,
}

impl HeapLimit {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Soft, Self::Hard];

    /// The name on a chart.
    pub fn label(self) -> &'static str {
        match self {
            Self::Soft => "soft heap limit",
            Self::Hard => "hard heap limit",
        }
    }

    fn of(self, limits: HeapLimits) -> Option<Bytes> {
        match self {
            Self::Soft => limits.soft,
            Self::Hard => limits.hard,
        }
    }
}

/// A limit, and the time in which it was in force, in seconds since the engine started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSpan {
    /// Since when.
    pub from_secs: f64,
    /// Until when; infinite for the one in force.
    pub to_secs: f64,
    /// How much.
    pub limit: Bytes,
}

impl LimitSpan {
    /// The part of it in this range of time, if there is one.
    fn within(self, from_secs: f64, to_secs: f64) -> Option<Self> {
        let part = Self {
            from_secs: self.from_secs.max(from_secs),
            to_secs: self.to_secs.min(to_secs),
            ..self
        };
        (part.from_secs < part.to_secs).then_some(part)
    }
}

/// The limits of a process, each with the moment from which it was in force.
#[derive(Clone, Debug, Default)]
pub struct LimitSteps(Vec<(f64, HeapLimits)>);

/// Older steps are forgotten; whoever changes limits more often has seen them.
const MAX_STEPS: usize = 1_000;

impl LimitSteps {
    /// From this moment on, these are in force.
    pub fn set(&mut self, at_secs: f64, limits: HeapLimits) {
        let steps = &mut self.0;
        if steps.last().is_some_and(|(_, before)| *before == limits) {
            return;
        }
        if steps.len() >= MAX_STEPS {
            steps.drain(..MAX_STEPS / 10);
        }
        // News of different threads overtake each other.
        let index = steps.partition_point(|(secs, _)| *secs <= at_secs);
        steps.insert(index, (at_secs, limits));
    }

    /// When one of them was in force, and how much it was; times without it are left out.
    pub fn spans(&self, which: HeapLimit) -> Vec<LimitSpan> {
        let mut spans: Vec<LimitSpan> = Vec::new();
        let mut before = None;
        let ends = self.0.iter().skip(1).map(|(secs, _)| *secs);
        for ((from_secs, limits), to_secs) in self.0.iter().zip(ends.chain([f64::INFINITY])) {
            let now = which.of(*limits);
            match (spans.last_mut(), now) {
                // The other limit has changed.
                (Some(last), Some(_)) if now == before => last.to_secs = to_secs,
                (_, Some(limit)) => spans.push(LimitSpan {
                    from_secs: *from_secs,
                    to_secs,
                    limit,
                }),
                (_, None) => {}
            }
            before = now;
        }
        spans
    }

    /// The parts of [`Self::spans`] in this range of time.
    pub fn between(&self, which: HeapLimit, from_secs: f64, to_secs: f64) -> Vec<LimitSpan> {
        let spans = self.spans(which).into_iter();
        spans
            .filter_map(|span| span.within(from_secs, to_secs))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(soft: Option<u64>, hard: Option<u64>) -> HeapLimits {
        HeapLimits {
            soft: soft.map(Bytes::mib),
            hard: hard.map(Bytes::mib),
        }
    }

    fn span(from_secs: f64, to_secs: f64, limit: u64) -> LimitSpan {
        LimitSpan {
            from_secs,
            to_secs,
            limit: Bytes::mib(limit),
        }
    }

    #[test]
    fn each_limit_has_its_own_steps() {
        let mut steps = LimitSteps::default();
        assert!(steps.spans(HeapLimit::Soft).is_empty());
        steps.set(0.0, limits(Some(512), None));
        steps.set(1.0, limits(Some(512), None));
        // Only the hard one changes, then the soft one goes and comes back.
        steps.set(2.0, limits(Some(512), Some(900)));
        steps.set(3.0, limits(None, Some(900)));
        steps.set(5.0, limits(Some(64), Some(900)));
        assert_eq!(
            steps.spans(HeapLimit::Soft),
            [span(0.0, 3.0, 512), span(5.0, f64::INFINITY, 64)]
        );
        assert_eq!(
            steps.spans(HeapLimit::Hard),
            [span(2.0, f64::INFINITY, 900)]
        );
        assert_eq!(
            steps.between(HeapLimit::Soft, 1.5, 5.5),
            [span(1.5, 3.0, 512), span(5.0, 5.5, 64)]
        );
        assert_eq!(steps.between(HeapLimit::Hard, 0.0, 2.0), []);
    }

    #[test]
    fn old_steps_are_forgotten() {
        let mut steps = LimitSteps::default();
        for step in 0..5_000_u64 {
            steps.set(step as f64, limits(Some(step + 1), None));
        }
        let spans = steps.spans(HeapLimit::Soft);
        assert!(spans.len() <= MAX_STEPS);
        assert_eq!(spans.last(), Some(&span(4_999.0, f64::INFINITY, 5_000)));
    }
}

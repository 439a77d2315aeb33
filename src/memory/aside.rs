//! A question that may take for ever, asked in a thread of its own: the size of a file on a network
//! disk that no longer answers holds up nobody.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// How long whoever asks waits: most disks answer sooner.
const PATIENCE: Duration = Duration::from_millis(5);

/// An older answer is none.
pub const MAX_AGE: Duration = Duration::from_secs(3);

/// The running thread. Ends after it was dropped, at once or with the answer that it waits for.
pub struct Aside<Q, A>(Arc<Shared<Q, A>>);

struct Shared<Q, A> {
    state: Mutex<State<Q, A>>,
    changed: Condvar,
}

struct State<Q, A> {
    question: Option<Q>,
    answer: Option<Answered<Q, A>>,
    is_over: bool,
}

#[derive(Clone)]
struct Answered<Q, A> {
    question: Q,
    /// When it was begun to look for.
    at: Instant,
    answer: A,
}

impl<Q, A> Aside<Q, A>
where
    Q: Clone + PartialEq + Send + 'static,
    A: Clone + Send + 'static,
{
    /// Starts the thread.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(name: &str, answer: impl Fn(&Q) -> A + Send + 'static) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                question: None,
                answer: None,
                is_over: false,
            }),
            changed: Condvar::new(),
        });
        let asked = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || asked.run(answer))
            .map_err(|source| Error::other("start a thread that looks at files", source))?;
        Ok(Self(shared))
    }

    /// Asks, and waits a moment. The newest answer to this question, if it is not too old: perhaps
    /// from the last time it was asked.
    pub fn ask(&self, question: &Q) -> Option<A> {
        let asked = Instant::now();
        let mut state = self.0.state.lock();
        state.question = Some(question.clone());
        self.0.changed.notify_all();
        let deadline = asked + PATIENCE;
        loop {
            let answer = (state.answer.as_ref()).filter(|answer| answer.question == *question);
            let is_fresh = answer.is_some_and(|answer| answer.at >= asked);
            if is_fresh || self.0.changed.wait_until(&mut state, deadline).timed_out() {
                return (state.answer.as_ref())
                    .filter(|known| known.question == *question)
                    .filter(|known| known.at.elapsed() <= MAX_AGE)
                    .map(|known| known.answer.clone());
            }
        }
    }
}

impl<Q: Clone, A> Shared<Q, A> {
    fn run(&self, look: impl Fn(&Q) -> A) {
        let mut state = self.state.lock();
        while !state.is_over {
            let Some(question) = state.question.take() else {
                self.changed.wait(&mut state);
                continue;
            };
            drop(state);
            let at = Instant::now();
            let answer = look(&question);
            state = self.state.lock();
            state.answer = Some(Answered {
                question,
                at,
                answer,
            });
            self.changed.notify_all();
        }
    }
}

impl<Q, A> Drop for Aside<Q, A> {
    fn drop(&mut self) {
        self.0.state.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_question_that_hangs_holds_up_nobody_and_its_answer_comes_later() {
        let (go_on, hung) = channel::<u32>();
        let hung = Mutex::new(hung);
        let aside =
            Aside::start("jobscope-test", move |_: &u8| hung.lock().recv().ok()).expect("a thread");
        assert_eq!(aside.ask(&1), None, "no answer yet");
        assert_eq!(aside.ask(&1), None, "nor from the first time");
        go_on.send(7).expect("it waits");
        // The answer to the first; the second one hangs meanwhile.
        let mut answer = None;
        while answer.is_none() {
            answer = aside.ask(&1);
        }
        assert_eq!(answer, Some(Some(7)));
        assert_eq!(aside.ask(&2), None, "that was another question");
        drop(aside);
    }

    #[test]
    fn an_old_answer_is_none() {
        let (go_on, hung) = channel::<u32>();
        let hung = Mutex::new(hung);
        let aside =
            Aside::start("jobscope-test", move |_: &u8| hung.lock().recv().ok()).expect("a thread");
        go_on.send(7).expect("it waits");
        while aside.ask(&1).is_none() {}
        let mut state = aside.0.state.lock();
        let answered = state.answer.as_mut().expect("answered");
        answered.at = answered.at.checked_sub(MAX_AGE * 2).expect("a time");
        drop(state);
        assert_eq!(aside.ask(&1), None);
    }
}

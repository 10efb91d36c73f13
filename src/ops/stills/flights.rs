//! Work that several ask for at a time, done once.
//!
//! Whoever asks first does it, and the others wait for what comes of it. For work of the background nobody waits long: it may get no
//! processor for as long as others want one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one waits for work of the background before one does it oneself: about as long as it takes when nobody is in its way.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is under way.
pub(in crate::ops) struct Flights<K, V>(Mutex<HashMap<K, Arc<Flight<V>>>>);

struct Flight<V> {
    is_background: bool,
    state: Mutex<State<V>>,
    ended: Condvar,
}

enum State<V> {
    UnderWay,
    Done(V),
    /// It failed, which says nothing to others: they may have more memory, or room on the disk.
    Failed,
}

enum Waited<V> {
    Done(V),
    Failed,
    TooLong,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    /// Does it, or waits for who is at it.
    pub(in crate::ops) fn share<E>(&self, key: &K, work: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let mut given_up: Option<Arc<Flight<V>>> = None;
        loop {
            let flight = Arc::new(Flight::new(false));
            let before = {
                let mut open = self.lock();
                match open.entry(key.clone()) {
                    Entry::Vacant(free) => {
                        free.insert(Arc::clone(&flight));
                        None
                    }
                    Entry::Occupied(mut taken) => {
                        let before = Arc::clone(taken.get());
                        let is_late = given_up.as_ref().is_some_and(|late| Arc::ptr_eq(late, &before));
                        if is_late {
                            taken.insert(Arc::clone(&flight));
                        }
                        (!is_late).then_some(before)
                    }
                }
            };
            let Some(before) = before else { return self.fly(key, flight, work) };
            match before.wait() {
                Waited::Done(value) => return Ok(value),
                Waited::Failed => return work(),
                Waited::TooLong => given_up = Some(before),
            }
        }
    }

    /// Does it in the background, unless somebody is at it.
    pub(in crate::ops) fn lead<E>(&self, key: &K, work: impl FnOnce() -> Result<V, E>) -> Option<Result<V, E>> {
        let flight = Arc::new(Flight::new(true));
        match self.lock().entry(key.clone()) {
            Entry::Vacant(free) => free.insert(Arc::clone(&flight)),
            Entry::Occupied(_) => return None,
        };
        Some(self.fly(key, flight, work))
    }

    fn fly<E>(&self, key: &K, flight: Arc<Flight<V>>, work: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let ending = Ending { flights: self, key, flight };
        let value = work()?;
        ending.flight.end(State::Done(value.clone()));
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Flight<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody waits for what was given up, by an error or by a panic.
struct Ending<'a, K: Hash + Eq + Clone, V: Clone> {
    flights: &'a Flights<K, V>,
    key: &'a K,
    flight: Arc<Flight<V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Drop for Ending<'_, K, V> {
    fn drop(&mut self) {
        self.flight.end(State::Failed);
        let mut open = self.flights.lock();
        // Another may have its place by now.
        if open.get(self.key).is_some_and(|there| Arc::ptr_eq(there, &self.flight)) {
            open.remove(self.key);
        }
    }
}

impl<V: Clone> Flight<V> {
    fn new(is_background: bool) -> Self {
        Self { is_background, state: Mutex::new(State::UnderWay), ended: Condvar::new() }
    }

    fn end(&self, state: State<V>) {
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*now, State::UnderWay) {
            *now = state;
            self.ended.notify_all();
        }
    }

    fn wait(&self) -> Waited<V> {
        let begun = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*state {
                State::Done(value) => return Waited::Done(value.clone()),
                State::Failed => return Waited::Failed,
                State::UnderWay if !self.is_background => {
                    state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                State::UnderWay => {
                    let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else { return Waited::TooLong };
                    state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// Somebody who is at it until the sender is dropped, and has begun.
    fn at_it<'a>(
        scope: &'a std::thread::Scope<'a, '_>,
        work: impl FnOnce(mpsc::Sender<()>, mpsc::Receiver<()>) + Send + 'a,
    ) -> mpsc::Sender<()> {
        let ((begun, has_begun), (end, ended)) = (mpsc::channel(), mpsc::channel());
        scope.spawn(move || work(begun, ended));
        has_begun.recv().unwrap();
        end
    }

    fn until_ended(value: u32, begun: mpsc::Sender<()>, ended: mpsc::Receiver<()>) -> Result<u32, ()> {
        begun.send(()).unwrap();
        let _ = ended.recv();
        Ok(value)
    }

    #[test]
    fn who_comes_later_gets_what_the_first_one_made() {
        let (flights, made) = (Flights::<u8, u32>::default(), AtomicUsize::new(0));
        let flights = &flights;
        std::thread::scope(|scope| {
            let end = at_it(scope, move |begun, ended| {
                flights.share(&1, || until_ended(7, begun, ended)).unwrap();
            });
            let others: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        flights.share(&1, || {
                            made.fetch_add(1, Ordering::SeqCst);
                            Ok::<_, ()>(8)
                        })
                    })
                })
                .collect();
            assert_eq!(flights.share(&2, || Ok::<_, ()>(9)), Ok(9), "other work is not held up");
            assert!(flights.lead(&1, || Ok::<_, ()>(10)).is_none(), "the background leaves it alone");
            while Arc::strong_count(flights.lock().get(&1).unwrap()) < 6 {
                std::thread::yield_now();
            }
            drop(end);
            assert!(others.into_iter().all(|other| other.join().unwrap() == Ok(7)));
        });
        assert_eq!((made.load(Ordering::SeqCst), flights.lock().len()), (0, 0));
        assert_eq!(flights.share(&1, || Ok::<_, ()>(11)), Ok(11), "what is over is done anew");
    }

    #[test]
    fn a_failure_or_a_panic_is_nobody_elses() {
        let flights = &Flights::<u8, u32>::default();
        std::thread::scope(|scope| {
            let end = at_it(scope, move |begun, ended| {
                let failed = flights.share(&1, || until_ended(0, begun, ended).and(Err(())));
                assert_eq!(failed, Err(()));
            });
            let other = scope.spawn(|| flights.share(&1, || Ok::<_, ()>(8)));
            drop(end);
            assert_eq!(other.join().unwrap(), Ok(8));
        });
        let broken = std::panic::AssertUnwindSafe(|| flights.share(&1, || -> Result<u32, ()> { panic!("a bug") }));
        assert!(std::panic::catch_unwind(broken).is_err());
        assert_eq!(flights.share(&1, || Ok::<_, ()>(9)), Ok(9));
    }

    #[test]
    fn nobody_waits_long_for_the_background_and_who_is_at_it_instead_is_waited_for() {
        let flights = &Flights::<u8, u32>::default();
        std::thread::scope(|scope| {
            let slow = at_it(scope, move |begun, ended| {
                assert_eq!(flights.lead(&1, || until_ended(7, begun, ended)), Some(Ok(7)));
            });
            let instead = at_it(scope, move |begun, ended| {
                assert_eq!(flights.share(&1, || until_ended(8, begun, ended)), Ok(8));
            });
            drop(slow);
            let other = scope.spawn(|| flights.share(&1, || Ok::<_, ()>(9)));
            while Arc::strong_count(flights.lock().get(&1).unwrap()) < 3 {
                std::thread::yield_now();
            }
            drop(instead);
            assert_eq!(other.join().unwrap(), Ok(8));
        });
        assert!(flights.lock().is_empty());
        assert_eq!(flights.lead(&1, || Ok::<_, ()>(5)), Some(Ok(5)), "it is free for the background again");
    }
}

//! Threads for what takes long, so that the kernel's loops stay free: renders, syncs, truncations.

use std::io;
use std::num::NonZero;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};

/// A piece of work. It guards itself against panics.
pub type Job = Box<dyn FnOnce() + Send>;

/// Jobs that may wait for each thread. A render takes a second or so; more than a few waiting ones help nobody.
const WAITING_PER_THREAD: usize = 16;

/// Threads for renders, which may be refused, others for those of what another program decodes, which takes minutes when that is slow, others
/// for previews of clips, and others for what may not be refused and must not wait behind a render.
pub struct Pool {
    pub renders: Crew,
    pub conversions: Crew,
    pub previews: Crew,
    syncs: Crew,
}

impl Pool {
    /// As many threads of each as there are processors, two at least.
    pub fn new() -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, NonZero::get).max(2);
        Self::with(threads, threads * WAITING_PER_THREAD)
    }

    fn with(threads: usize, waiting: usize) -> io::Result<Self> {
        let crew = |name: &str| Crew::new(name, threads, waiting);
        Ok(Self {
            renders: crew("render")?,
            conversions: crew("convert")?,
            previews: crew("preview")?,
            syncs: crew("sync")?,
        })
    }

    /// Queues what may not be refused, or runs it here when there is no room.
    pub fn sync(&self, job: Job) {
        if let Err(job) = self.syncs.submit(job) {
            job();
        }
    }
}

/// A fixed number of threads behind a bounded queue. Dropping it finishes what is queued.
pub struct Crew {
    queue: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    fn new(name: &str, threads: usize, waiting: usize) -> io::Result<Self> {
        let (queue, jobs) = bounded::<Job>(waiting);
        let threads = (0..threads)
            .map(|i| {
                let jobs = jobs.clone();
                std::thread::Builder::new().name(format!("{name}-{i}")).spawn(move || jobs.iter().for_each(|job| job()))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Queues a job, or gives it back when there is no room.
    pub fn submit(&self, job: Job) -> Result<(), Job> {
        match &self.queue {
            Some(queue) => queue.try_send(job).map_err(TrySendError::into_inner),
            None => Err(job),
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // The pool may be dropped by its own last job.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn full_renders_are_given_back_and_nothing_else_waits_for_them() {
        for busy in 0..3 {
            let pool = Pool::with(1, 1).unwrap();
            let crews = [&pool.renders, &pool.conversions, &pool.previews];
            let crew = crews[busy];
            let (open, gate) = bounded::<()>(0);
            let (started, running) = bounded::<()>(0);
            let blocked = Box::new(move || {
                started.send(()).unwrap();
                let _ = gate.recv();
            });
            assert!(crew.submit(blocked).is_ok());
            running.recv().unwrap();
            assert!(crew.submit(Box::new(|| {})).is_ok(), "one may wait");
            assert!(crew.submit(Box::new(|| {})).is_err(), "a second may not");
            let (done, ended) = bounded::<()>(3);
            for other in [(busy + 1) % 3, (busy + 2) % 3] {
                let also = done.clone();
                assert!(crews[other].submit(Box::new(move || also.send(()).unwrap())).is_ok());
            }
            pool.sync(Box::new(move || done.send(()).unwrap()));
            for _ in 0..3 {
                ended.recv_timeout(std::time::Duration::from_secs(10)).expect("neither waits for these");
            }
            drop(open);
        }
    }

    #[test]
    fn what_may_not_be_refused_runs_here_when_there_is_no_room() {
        let pool = Pool::with(1, 1).unwrap();
        let (open, gate) = bounded::<()>(0);
        let (started, running) = bounded::<()>(0);
        pool.sync(Box::new(move || {
            started.send(()).unwrap();
            let _ = gate.recv();
        }));
        running.recv().unwrap();
        pool.sync(Box::new(|| {}));
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        pool.sync(Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        assert_eq!(ran.load(Ordering::SeqCst), 1, "run here and now");
        drop(open);
    }

    #[test]
    fn dropping_finishes_what_is_queued() {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = Pool::with(2, 32).unwrap();
        for _ in 0..20 {
            let count = Arc::clone(&ran);
            pool.sync(Box::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
            }));
        }
        drop(pool);
        assert_eq!(ran.load(Ordering::SeqCst), 20);
    }
}

//! Runs futures in a chosen order, one call of the control plane at a time.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Runs one future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Runs futures to their end. `choose` gets the number of those that are not done, and says which goes on.
pub(crate) fn interleave<'f, T>(
    futures: Vec<Pin<Box<dyn Future<Output = T> + 'f>>>,
    mut choose: impl FnMut(usize) -> usize,
) -> Vec<T> {
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    let mut pending: Vec<_> = futures.into_iter().enumerate().collect();
    while !pending.is_empty() {
        let chosen = choose(pending.len()) % pending.len();
        let (index, future) = &mut pending[chosen];
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            outputs[*index] = Some(output);
            drop(pending.remove(chosen));
        }
    }
    outputs.into_iter().map(Option::unwrap).collect()
}

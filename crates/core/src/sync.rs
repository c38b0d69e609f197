use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also after a panic: what ours guard is never left half-changed.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Ending queries on the server too, not just our waiting for them.

use std::pin::pin;
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_model::{Failure, Result, code};

use crate::session::Session;

/// How long one request to cancel may take.
const REQUEST: Duration = Duration::from_secs(5);

/// How long a cancelled query may take to end before it is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is asked.
const TIMES: u32 = 10;

/// Runs `work`, which queries through `sessions` alone. When `cancel` is heard, the server is told
/// to cancel what these sessions run, and this returns when they are quiet.
///
/// # Errors
/// Those of `work`; [`code::INTERRUPTED`].
pub(super) async fn cancellable<T>(
    cancel: &Cancel,
    sessions: &[Session],
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        done = &mut work => return done,
    }
    // A request that comes between two queries is lost, so one is not enough.
    for _ in 0..TIMES {
        cancel_queries(sessions).await;
        if tokio::time::timeout(AGAIN, &mut work).await.is_ok() {
            break;
        }
    }
    Err(Failure::new(code::INTERRUPTED, "reading the data was interrupted"))
}

/// Asks the server to cancel what each session runs. A session that runs nothing is not harmed; a
/// request that can't be delivered is seen by the query that goes on.
pub(super) async fn cancel_queries(sessions: &[Session]) {
    for session in sessions {
        drop(tokio::time::timeout(REQUEST, session.canceller().cancel()).await);
    }
}

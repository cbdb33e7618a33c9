//! A word that is heard everywhere: stop what you are doing, in good order.

use tokio::sync::watch;

/// Says "cancel" to every [`Cancel`] made from it.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

/// Hears the word. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<bool>);

/// A connected pair.
pub fn cancel_pair() -> (Canceller, Cancel) {
    let (sender, receiver) = watch::channel(false);
    (Canceller(sender), Cancel(receiver))
}

impl Canceller {
    /// Says the word; saying it twice changes nothing.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Takes the word back: what follows (an unwind) must not be stopped by the same word.
    pub fn reset(&self) {
        self.0.send_replace(false);
    }
}

impl Cancel {
    /// One that nobody will ever cancel.
    pub fn never() -> Self {
        let (sender, receiver) = watch::channel(false);
        drop(sender);
        Self(receiver)
    }

    /// Whether the word was said.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the word is said; never, where nobody is left to say it.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|said| *said).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

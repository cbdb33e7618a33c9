//! A word that is heard everywhere: stop what you are doing, in good order.

use tokio::sync::watch;

/// Says "cancel" to every [`Cancel`] made from it.
#[derive(Debug)]
pub struct Canceller(watch::Sender<Option<String>>);

/// Hears the word. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<Option<String>>);

/// A connected pair.
pub fn cancel_pair() -> (Canceller, Cancel) {
    let (sender, receiver) = watch::channel(None);
    (Canceller(sender), Cancel(receiver))
}

impl Canceller {
    /// Says the word; saying it twice changes nothing.
    pub fn cancel(&self) {
        self.cancel_by("");
    }

    /// As [`Canceller::cancel`], with what it came by (`Ctrl-C`, `SIGTERM`), which the record will name.
    pub fn cancel_by(&self, by: &str) {
        self.0.send_if_modified(|said| {
            let first = said.is_none();
            said.get_or_insert_with(|| by.to_owned());
            first
        });
    }

    /// Takes the word back: what follows (an unwind) must not be stopped by the same word.
    pub fn reset(&self) {
        self.0.send_replace(None);
    }
}

impl Cancel {
    /// One that nobody will ever cancel.
    pub fn never() -> Self {
        cancel_pair().1
    }

    /// Whether the word was said.
    pub fn is_cancelled(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// What the word came by, where it was said and that is known.
    pub fn by(&self) -> Option<String> {
        self.0.borrow().clone().filter(|by| !by.is_empty())
    }

    /// Returns when the word is said; never, where nobody is left to say it.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

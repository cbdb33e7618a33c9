//! A client that writes as users would, and remembers what was acknowledged.

use std::path::PathBuf;
use std::time::Duration;

use switchback_engine::cancel::{Canceller, cancel_pair};
use switchback_engine::exec::shell_word;
use switchback_engine::exec::{Finished, Program};
use switchback_model::{Failure, Result, code};
use tokio::task::JoinHandle;

use super::ada::Ada;

/// What the client counted.
pub(super) struct Counted {
    /// Writes that were acknowledged.
    pub(super) acknowledged: u64,
    /// Writes that were refused: the page, or nobody there.
    pub(super) refused: u64,
}

/// The client, at work.
pub(super) struct Load {
    canceller: Canceller,
    running: JoinHandle<Result<Finished>>,
    record: PathBuf,
    counted: PathBuf,
}

impl Load {
    /// Starts it.
    pub(super) fn start(ada: &Ada) -> Self {
        let counted = ada.folder().join("load.json");
        let script = ada.script("load.py").args([
            "--url",
            &ada.address(),
            "--workers",
            "4",
            "--rate",
            "60",
            "--record",
        ]);
        let script = script.arg(ada.record());
        // Its last line comes when it is told to end, so it goes into a file.
        let line = format!("exec {} > {}", script.display(), shell_word(&counted.display().to_string()));
        let program = Program::new("sh").args(["-c", &line]);
        let (canceller, cancel) = cancel_pair();
        let running = tokio::task::spawn_local(async move { program.run(&cancel, |_, _| {}).await });
        Self { canceller, running, record: ada.record(), counted }
    }

    /// Returns when the first writes are acknowledged.
    pub(super) async fn wait_for_writes(&self) -> Result<()> {
        self.wait_beyond(10).await
    }

    /// Returns when writes are acknowledged again.
    pub(super) async fn wait_for_more_writes(&self) -> Result<()> {
        self.wait_beyond(self.acknowledged() + 10).await
    }

    /// Ends it; what it counted.
    pub(super) async fn stop(self) -> Result<Counted> {
        self.canceller.cancel();
        // It was told to end, so what `run` says of that is no news.
        drop(self.running.await);
        let text = std::fs::read_to_string(&self.counted).unwrap_or_default();
        let last = text.lines().last().unwrap_or_default();
        let counted: serde_json::Value = serde_json::from_str(last).map_err(|error| {
            Failure::new(code::COMMAND_FAILED, "the load client said nothing at its end").because(&error)
        })?;
        let count = |name: &str| counted[name].as_u64().unwrap_or_default();
        Ok(Counted { acknowledged: count("acknowledged"), refused: count("refused") })
    }

    fn acknowledged(&self) -> usize {
        std::fs::read_to_string(&self.record).map_or(0, |text| text.lines().count())
    }

    async fn wait_beyond(&self, count: usize) -> Result<()> {
        for _ in 0..200 {
            if self.acknowledged() >= count {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Failure::new(code::COMMAND_FAILED, "the load client gets no write acknowledged"))
    }
}

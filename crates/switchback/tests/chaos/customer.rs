//! A client that writes as an application would: numbered transactions, one after another, through
//! the application's address. It remembers what the server acknowledged, and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use switchback_postgres::Session;

use crate::wire::Wire;

/// Its tables. No key: what was written twice must be seen.
pub(crate) const TABLES: &str = "create table orders (n bigint not null); create table order_lines (n bigint not null, line integer not null)";
/// Their names.
pub(crate) const NAMES: [&str; 2] = ["public.orders", "public.order_lines"];

/// The client at work.
pub(crate) struct Customer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Orders>,
}

/// What it did.
#[derive(Default)]
pub(crate) struct Orders {
    /// The server said that it is committed.
    pub(crate) acknowledged: Vec<u64>,
    /// It was sent, and there was no answer, or an error: it may be there or not.
    pub(crate) doubtful: Vec<u64>,
}

impl Customer {
    /// Begins to write.
    pub(crate) fn start(socket: PathBuf, database: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut orders = Orders::default();
            let mut session = None;
            let mut number = 0;
            while !told.load(Ordering::Relaxed) {
                session = session.or_else(|| connect(&socket, &database));
                let Some(wire) = &mut session else {
                    pause(20);
                    continue;
                };
                number += 1;
                if order(wire, number) {
                    orders.acknowledged.push(number);
                } else {
                    orders.doubtful.push(number);
                    session = None;
                }
                pause(10);
            }
            orders
        });
        Self { stop, thread }
    }

    /// Stops it.
    pub(crate) fn stop(self) -> Orders {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn connect(socket: &Path, database: &str) -> Option<Wire> {
    Wire::connect(socket, &[("user", "postgres"), ("database", database), ("application_name", "shop")]).ok()
}

fn order(wire: &mut Wire, number: u64) -> bool {
    let sql = format!(
        "begin; insert into orders values ({number}); insert into order_lines values ({number}, 1), ({number}, 2); commit"
    );
    wire.run(&sql).is_ok()
}

#[expect(clippy::disallowed_methods, reason = "a customer thinks between two orders")]
fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// What became of the orders.
pub(crate) struct Found {
    /// Acknowledged and not there.
    pub(crate) lost: Vec<u64>,
    /// What must not be: twice, torn, or never sent.
    pub(crate) odd: Vec<String>,
}

impl Orders {
    /// Looks for each of them in the target.
    pub(crate) async fn look(&self, target: &Session) -> Found {
        let count = async |table: &str| -> BTreeMap<u64, i64> {
            let rows =
                target.rows(&format!("select n, count(*) from {table} group by n"), &[]).await.unwrap();
            let number = |n: i64| u64::try_from(n).unwrap();
            rows.iter().map(|row| (number(row.get(0)), row.get(1))).collect()
        };
        let (orders, lines) = (count(NAMES[0]).await, count(NAMES[1]).await);
        let lost = self.acknowledged.iter().copied().filter(|n| !orders.contains_key(n)).collect();
        let mut odd = Vec::new();
        for (n, times) in &orders {
            if *times != 1 {
                odd.push(format!("order {n} is there {times} times"));
            }
            if lines.get(n) != Some(&2) {
                odd.push(format!("order {n} has {:?} lines", lines.get(n)));
            }
            if !self.acknowledged.contains(n) && !self.doubtful.contains(n) {
                odd.push(format!("order {n} was never sent"));
            }
        }
        odd.extend(
            lines.keys().filter(|n| !orders.contains_key(n)).map(|n| format!("lines without order {n}")),
        );
        Found { lost, odd }
    }
}

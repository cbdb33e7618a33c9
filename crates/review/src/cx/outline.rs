//! What is kept of a script when it was looked through: a history may have tens of thousands of
//! statements, and most of their trees are values, conditions and bodies that nobody asks for any more.

use switchback_sql::ast::{Query, Stmt};

use super::{Read, What};

/// Takes out of the statements what no rule on histories asks for: texts of bodies, and of queries all
/// but the relations. Whether there is a statement, where it stands, and of most kinds all of it stays.
pub(crate) fn outline(reads: &mut Vec<Read>) {
    for read in reads.iter_mut() {
        if let What::Statement(stmt) = &mut read.what {
            shorten(stmt);
        }
    }
    reads.shrink_to_fit();
}

fn shorten(stmt: &mut Stmt) {
    match stmt {
        Stmt::Insert { source: Some(query), .. } | Stmt::Select(query) => tables(query),
        Stmt::CreateView(view) => tables(&mut view.query),
        Stmt::CreateTable(table) => table.query.iter_mut().for_each(|query| tables(query)),
        Stmt::CreateFunction(function) => function.body = None,
        Stmt::Do { body: (body, _), .. } => *body = String::new(),
        Stmt::Policy(policy) => (policy.using, policy.check) = (None, None),
        Stmt::Grant(_) => *stmt = Stmt::Other,
        _ => {}
    }
}

/// Leaves of a query what it reads.
fn tables(query: &mut Query) {
    let tables = std::mem::take(&mut query.tables);
    *query = Query { tables, constant: query.constant, ..Query::default() };
}

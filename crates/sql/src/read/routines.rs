//! Functions, triggers, rules, and code that is run once.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterFunctionStmt, CallStmt, CreateFunctionStmt, CreateTrigStmt, DefElem, DoStmt, FunctionParameterMode,
    RuleStmt,
};

use crate::ast::{CreateFunction, CreateTrigger, Stmt, Type};

use super::{names, place, transaction, types};

pub(super) fn statement(node: &Node, text: &str) -> Option<Stmt> {
    Some(match node {
        Node::CreateFunctionStmt(create) => Stmt::CreateFunction(Box::new(created(create, text))),
        Node::AlterFunctionStmt(alter) => altered(alter),
        Node::CreateTrigStmt(trigger) => Stmt::CreateTrigger(triggered(trigger)),
        Node::CreateEventTrigStmt(trigger) => Stmt::EventTrigger { name: trigger.trigname.clone() },
        Node::AlterEventTrigStmt(trigger) => Stmt::EventTrigger { name: trigger.trigname.clone() },
        Node::RuleStmt(rule) => ruled(rule),
        Node::DoStmt(code) => done(code, text),
        Node::CallStmt(call) => called(call),
        _ => return None,
    })
}

fn created(create: &CreateFunctionStmt, text: &str) -> CreateFunction {
    let options = &create.options;
    let body = names::option(options, "as");
    CreateFunction {
        name: names::catalogued(&create.funcname),
        procedure: create.is_procedure,
        replace: create.replace,
        arguments: arguments(&create.parameters),
        returns: create.return_type.as_ref().map(types::name),
        // A body of SQL's own (`RETURN`, `BEGIN ATOMIC`) needs no language.
        language: language(options).unwrap_or_else(|| "sql".into()),
        volatility: names::option(options, "volatility").map(names::value),
        security_definer: names::is_on(options, "security"),
        sets: sets(options),
        body: body.and_then(first_text).map(|body_text| (body_text, place::body(text, location(body)))),
    }
}

fn location(option: Option<&DefElem>) -> i32 {
    option.map_or(-1, |option| option.location)
}

/// The types of the arguments that a call gives.
fn arguments(parameters: &[Wrapped]) -> Vec<Type> {
    names::inner(parameters)
        .filter_map(|node| match node {
            Node::FunctionParameter(parameter) => Some(parameter),
            _ => None,
        })
        .filter(|parameter| {
            !matches!(
                parameter.mode(),
                FunctionParameterMode::FuncParamOut | FunctionParameterMode::FuncParamTable
            )
        })
        .map(|parameter| types::of(parameter.arg_type.as_ref()))
        .collect()
}

fn language(options: &[Wrapped]) -> Option<String> {
    names::option(options, "language").map(|option| names::value(option).to_ascii_lowercase())
}

fn sets(options: &[Wrapped]) -> Vec<String> {
    names::options(options).filter(|option| option.defname == "set").filter_map(set).collect()
}

fn set(option: &DefElem) -> Option<String> {
    match names::node(option.arg.as_deref())? {
        Node::VariableSetStmt(set) => Some(transaction::variable(set)),
        _ => None,
    }
}

/// A body is a list of one text; in C it is the file, and the second the function.
fn first_text(option: &DefElem) -> Option<String> {
    match names::node(option.arg.as_deref())? {
        Node::List(list) => names::words(&list.items).into_iter().next(),
        node => names::text(node),
    }
}

fn altered(alter: &AlterFunctionStmt) -> Stmt {
    let function = alter.func.as_ref();
    Stmt::AlterFunction {
        name: function.map(|function| names::catalogued(&function.objname)).unwrap_or_default(),
        changes: names::options(&alter.actions).map(change).collect(),
    }
}

fn change(option: &DefElem) -> (String, String) {
    (option.defname.to_ascii_lowercase(), set(option).unwrap_or_else(|| names::value(option)))
}

fn triggered(trigger: &CreateTrigStmt) -> CreateTrigger {
    CreateTrigger {
        name: trigger.trigname.clone(),
        table: names::relation(trigger.relation.as_ref()),
        replace: trigger.replace,
        function: names::catalogued(&trigger.funcname),
        row: trigger.row,
        constraint: trigger.isconstraint,
    }
}

fn ruled(rule: &RuleStmt) -> Stmt {
    Stmt::CreateRule {
        name: rule.rulename.clone(),
        table: names::relation(rule.relation.as_ref()),
        replace: rule.replace,
        instead: rule.instead,
    }
}

fn done(code: &DoStmt, text: &str) -> Stmt {
    let body = names::option(&code.args, "as");
    Stmt::Do {
        language: language(&code.args).unwrap_or_else(|| "plpgsql".into()),
        body: (body.and_then(first_text).unwrap_or_default(), place::body(text, location(body))),
    }
}

fn called(call: &CallStmt) -> Stmt {
    let function = call.funccall.as_deref();
    Stmt::Call { name: function.map(|call| names::catalogued(&call.funcname)).unwrap_or_default() }
}

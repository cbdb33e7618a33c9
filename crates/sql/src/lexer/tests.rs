use proptest::prelude::*;

use super::*;

fn kinds(text: &str) -> Vec<(Kind, &str)> {
    tokens(text).map(|token| (token.kind, token.of(text))).collect()
}

fn one(text: &str) -> Kind {
    let found = kinds(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found[0].0
}

#[test]
fn every_kind_of_quote() {
    assert_eq!(one("'it''s'"), Kind::Text);
    assert_eq!(one("'a\\'"), Kind::Text);
    assert_eq!(one("n'a'"), Kind::Text);
    assert_eq!(one("E'it\\'s'"), Kind::EscapeText);
    assert_eq!(one("e'a\\\\'"), Kind::EscapeText);
    assert_eq!(one("U&'d\\0061t'"), Kind::UnicodeText);
    assert_eq!(one("X'1F'"), Kind::Bits);
    assert_eq!(one("b'01'"), Kind::Bits);
    assert_eq!(one("\"a \"\"b\"\" c\""), Kind::Name);
    assert_eq!(one("U&\"d\\0061t\""), Kind::Name);
    assert_eq!(one("$$it's$$"), Kind::DollarText);
    assert_eq!(one("$f_1$ a $$ b $f$ $f_1$"), Kind::DollarText);
}

#[test]
fn literals_over_lines_are_one() {
    assert_eq!(one("'a'\n  'b'"), Kind::Text);
    assert_eq!(one("E'a' -- why\n 'b\\'c'"), Kind::EscapeText);
    assert_eq!(kinds("'a' 'b'").len(), 2);
    assert_eq!(kinds("'a'\n/* no */ 'b'").len(), 3);
}

#[test]
fn comments_nest_and_end() {
    assert_eq!(one("/* a /* b */ c */"), Kind::BlockComment);
    let found = kinds("a -- 'b\n/**/c");
    let expected =
        [(Kind::Word, "a"), (Kind::LineComment, "-- 'b"), (Kind::BlockComment, "/**/"), (Kind::Word, "c")];
    assert_eq!(found, expected);
}

#[test]
fn dollars() {
    assert_eq!(kinds("$1+$22"), [(Kind::Parameter, "$1"), (Kind::Operator, "+"), (Kind::Parameter, "$22")]);
    assert_eq!(kinds("a$b$c"), [(Kind::Word, "a$b$c")]);
    assert_eq!(kinds("$ $")[0].0, Kind::Other);
    assert_eq!(kinds("$1a$")[0], (Kind::Parameter, "$1"));
    assert_eq!(one("$ä$ x $ä$"), Kind::DollarText);
}

#[test]
fn numbers() {
    for text in ["42", "3.5", "4.", ".001", "5e2", "1.925e-3", "0x1F", "0b11", "1_500"] {
        assert_eq!(one(text), Kind::Number, "{text}");
    }
    let expected = [(Kind::Number, "1"), (Kind::Mark, ".."), (Kind::Number, "10")];
    assert_eq!(kinds("1..10"), expected);
    assert_eq!(kinds("1e")[0], (Kind::Number, "1"));
}

#[test]
fn operators_end_where_the_server_ends_them() {
    let texts = |text| kinds(text).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts("a=-1"), ["a", "=", "-", "1"]);
    assert_eq!(texts("a@-1"), ["a", "@-", "1"]);
    assert_eq!(texts("a*/*c*/b"), ["a", "*", "/*c*/", "b"]);
    assert_eq!(texts("a<--c"), ["a", "<", "--c"]);
    assert_eq!(texts("a->>'b'::text"), ["a", "->>", "'b'", "::", "text"]);
    assert_eq!(texts("a:=b[1]"), ["a", ":=", "b", "[", "1", "]"]);
}

#[test]
fn what_is_not_closed_ends_with_the_text() {
    for text in ["'a", "E'a\\'", "\"a", "$a$ b $b$", "/* a /* b */", "'a'\n'b"] {
        let last = tokens(text).last().unwrap();
        assert!(last.unclosed && last.end == text.len(), "{text}: {last:?}");
    }
    assert!(tokens("'a' \"b\" $$c$$ /* d */ -- e").all(|token| !token.unclosed));
}

#[test]
fn what_stands_inside() {
    let inside = |text| tokens(text).next().unwrap().inside(text);
    assert_eq!(inside("E'a'"), "a");
    assert_eq!(inside("U&\"a\""), "a");
    assert_eq!(inside("$f$ a $f$"), " a ");
    assert_eq!(inside("$f$ a"), " a");
    assert_eq!(inside("'a"), "a");
    assert_eq!(inside("word"), "word");
}

#[test]
fn words_are_names_outside_of_comments_and_literals() {
    let text = "UPDATE public.\"Users\" SET a = 'orders' -- items\n/* x */ WHERE \"a\"\"b\" = $$c$$";
    let found: Vec<_> = words(text).collect();
    assert_eq!(found, ["update", "public", "Users", "set", "a", "where", "a\"b"]);
}

proptest! {
    /// Tokens stand one behind the other, between them is nothing but white space, and none is empty.
    #[test]
    fn tokens_are_the_whole_text(text in r#"([a-zA-Z0-9'"$/*;:.eEuU&\\ \n+@ä-]|--|/\*|\*/|\$\$|\PC){0,80}"#) {
        let mut end = 0;
        for token in tokens(&text) {
            prop_assert!(token.start >= end && token.end > token.start);
            prop_assert!(text[end..token.start].bytes().all(is_space));
            prop_assert!(!token.unclosed || token.end == text.len());
            let _ = (token.of(&text), token.inside(&text));
            end = token.end;
        }
        prop_assert!(text[end..].bytes().all(is_space));
    }

    /// A quoted text comes back as one token, whatever is in it.
    #[test]
    fn quoting_holds(inner in r"\PC{0,20}") {
        let text = format!("'{}'", inner.replace('\'', "''"));
        prop_assert_eq!(one(&text), Kind::Text);
        let name = format!("\"{}\"", inner.replace('"', "\"\""));
        let found: Vec<_> = words(&name).collect();
        prop_assert_eq!(found, [inner]);
    }
}

#[test]
fn time_grows_with_the_text_only() {
    for piece in ["'a'\n", "$a$", "$a", "/*", "--+", "''", "E'\\", "\"", "1e", "'a' -- b\n"] {
        let text = piece.repeat(200_000);
        assert!(tokens(&text).count() <= text.len());
    }
}

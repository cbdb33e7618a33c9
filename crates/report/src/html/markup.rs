//! Markup that text can't break out of.
//!
//! What is not known when the program is compiled gets into a page by [`Html::text`] alone, which
//! escapes it; [`Html::raw`] takes constants.

use std::fmt::{Display, Write as _};

use crate::text::clean;

/// A piece of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A piece that is this text.
    pub(super) fn of(text: &str) -> Self {
        Self::new().text(text)
    }

    /// Markup that was written by us.
    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Any text, escaped and without control characters; its line ends stay.
    pub(super) fn text(mut self, text: &str) -> Self {
        for (n, line) in text.split('\n').enumerate() {
            if n > 0 {
                self.0.push('\n');
            }
            escape(&mut self.0, &clean(line));
        }
        self
    }

    /// A number.
    pub(super) fn number(mut self, number: impl Display) -> Self {
        escape(&mut self.0, &number.to_string());
        self
    }

    /// A piece that was made already.
    pub(super) fn add(mut self, piece: &Self) -> Self {
        self.0.push_str(&piece.0);
        self
    }

    /// A piece in an element.
    pub(super) fn within(self, open: &'static str, piece: &Self, close: &'static str) -> Self {
        self.raw(open).add(piece).raw(close)
    }

    /// Text as code.
    pub(super) fn code(self, text: &str) -> Self {
        self.within("<code>", &Self::of(text), "</code>")
    }

    /// Text in which what stands between backticks is code, where they come in pairs.
    pub(super) fn prose(self, text: &str) -> Self {
        let parts: Vec<_> = text.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return self.text(text);
        }
        let odd = |n: usize| n % 2 == 1;
        parts
            .iter()
            .enumerate()
            .fold(self, |html, (n, part)| if odd(n) { html.code(part) } else { html.text(part) })
    }

    /// An attribute with any value.
    pub(super) fn attribute(self, name: &'static str, value: &str) -> Self {
        self.raw(" ").raw(name).raw("=\"").text(value).raw("\"")
    }

    /// A co-ordinate of a drawing.
    pub(super) fn at(mut self, name: &'static str, value: f64) -> Self {
        let _ = write!(self.0, " {name}=\"{value:.1}\"");
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// A table; on a narrow page each cell says itself which column it is of.
pub(super) fn table(
    caption: &str,
    class: &'static str,
    head: &[&'static str],
    rows: impl Iterator<Item = Vec<Html>>,
) -> Html {
    let mut out = Html::new().raw("<table class=\"").raw(class).raw("\"><caption>").text(caption);
    out = out.raw("</caption><thead><tr>");
    for name in head {
        out = out.raw("<th scope=\"col\">").raw(name).raw("</th>");
    }
    out = out.raw("</tr></thead><tbody>");
    for row in rows {
        out = out.raw("<tr>");
        for (n, cell) in row.iter().enumerate() {
            let name = head.get(n).copied().unwrap_or_default();
            // The first cell names its row.
            let (open, close) = if n == 0 { ("<th scope=\"row\"", "</th>") } else { ("<td", "</td>") };
            out = out.raw(open).attribute("data-label", name).raw(">").add(cell).raw(close);
        }
        out = out.raw("</tr>");
    }
    out.raw("</tbody></table>")
}

/// Names and values.
pub(super) fn pairs(pairs: impl Iterator<Item = (String, Html)>) -> Html {
    let mut out = Html::new();
    for (name, value) in pairs {
        out = out.raw("<div><dt>").text(&name).raw("</dt><dd>").add(&value).raw("</dd></div>");
    }
    if out.is_empty() { out } else { Html::new().within("<dl class=\"facts\">", &out, "</dl>") }
}

/// A list of sentences.
pub(super) fn list<'a>(items: impl Iterator<Item = &'a str>) -> Html {
    let items = items.fold(Html::new(), |out, item| out.raw("<li>").prose(item).raw("</li>"));
    if items.is_empty() { items } else { Html::new().within("<ul>", &items, "</ul>") }
}

/// A mark that is read as well as seen.
pub(super) fn mark(class: &'static str, sign: &'static str, word: &'static str) -> Html {
    Html::new()
        .raw("<span class=\"mark ")
        .raw(class)
        .raw("\"><span aria-hidden=\"true\">")
        .raw(sign)
        .raw("</span> ")
        .raw(word)
        .raw("</span>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_text() {
        let html = Html::new().text("<script>\"'&\u{1b}[31m</script>\nnext").finish();
        assert_eq!(html, "&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;\nnext");
        let html = Html::new().raw("<a").attribute("title", "\" onload=\"x").raw(">").finish();
        assert_eq!(html, "<a title=\"&quot; onload=&quot;x\">");
    }

    #[test]
    fn code_stands_between_pairs_of_backticks() {
        assert_eq!(Html::new().prose("is `a<b`, twice").finish(), "is <code>a&lt;b</code>, twice");
        assert_eq!(Html::new().prose("one ` alone").finish(), "one ` alone");
    }
}

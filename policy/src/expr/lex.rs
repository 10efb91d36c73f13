//! Text -> tokens. Escapes stay as written: the parser decodes each value once it knows the field.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Anything between separators, without white space at its ends; never empty.
    Text(&'a str),
    /// The first `=` of an item; later ones belong to the value.
    Equals,
    Comma,
    Plus,
    Semicolon,
    Open,
    Close,
}

/// One token and the byte where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind<'a>,
    pub at: usize,
}

/// Cuts a text into tokens; every text has some.
pub(super) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut in_value = false;
    for (at, c) in text.char_indices() {
        let kind = match c {
            ',' => Kind::Comma,
            '+' => Kind::Plus,
            ';' => Kind::Semicolon,
            '(' => Kind::Open,
            ')' => Kind::Close,
            '=' if !in_value => Kind::Equals,
            _ => continue,
        };
        push_text(&mut tokens, text, start, at);
        tokens.push(Token { kind, at });
        in_value = matches!(kind, Kind::Equals) || (in_value && matches!(kind, Kind::Plus));
        start = at + c.len_utf8();
    }
    push_text(&mut tokens, text, start, text.len());
    tokens
}

fn push_text<'a>(tokens: &mut Vec<Token<'a>>, text: &'a str, start: usize, end: usize) {
    let raw = &text[start..end];
    let trimmed = raw.trim();
    if !trimmed.is_empty() {
        let lead = raw.len() - raw.trim_start().len();
        tokens.push(Token { kind: Kind::Text(trimmed), at: start + lead });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_equals_of_an_item_separates() {
        let kinds: Vec<_> = lex(" a=b=c+d=e , any(x=y;z=1)").into_iter().map(|t| (t.kind, t.at)).collect();
        assert_eq!(
            kinds,
            [
                (Kind::Text("a"), 1),
                (Kind::Equals, 2),
                (Kind::Text("b=c"), 3),
                (Kind::Plus, 6),
                (Kind::Text("d=e"), 7),
                (Kind::Comma, 11),
                (Kind::Text("any"), 13),
                (Kind::Open, 16),
                (Kind::Text("x"), 17),
                (Kind::Equals, 18),
                (Kind::Text("y"), 19),
                (Kind::Semicolon, 20),
                (Kind::Text("z"), 21),
                (Kind::Equals, 22),
                (Kind::Text("1"), 23),
                (Kind::Close, 24),
            ]
        );
    }
}

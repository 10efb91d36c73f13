//! A platform's guideline as the library keeps it: text for people, and lines in it that the library holds every approval to.
//!
//! Such a line begins with `refuse:` or `flag:`, a query between backticks, and why. What a `refuse:` fits is approved for the platform by nobody
//! and does not circulate there; what a `flag:` fits is approved only with a reason.

use crate::expr::{Expr, Facts, Vocabulary, parse_with};
use crate::glossary::Glossary;

/// A text that is larger is none.
const MAX_TEXT: usize = 256 * 1024;

/// What a line asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// Never approved.
    Refuse,
    /// Approved only with a reason.
    Flag,
}

impl Clause {
    const ALL: [(&'static str, Self); 2] = [("refuse:", Self::Refuse), ("flag:", Self::Flag)];
}

/// One line that is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    no: usize,
    clause: Clause,
    query: String,
    expr: Expr,
    /// With what its words mean.
    meant: Expr,
    why: String,
}

/// A guideline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guideline {
    platform: String,
    text: String,
    lines: Vec<Line>,
    /// Why its lines are not known.
    fault: Option<String>,
}

/// A guideline that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GuidelineError(pub String);

impl Guideline {
    /// Reads a platform's guideline, by a library's own vocabulary.
    ///
    /// # Errors
    /// When a line that is to be held to is not understood.
    pub fn parse(platform: &str, text: &str, vocabulary: &Vocabulary) -> Result<Self, GuidelineError> {
        let error = |no: usize, why: String| GuidelineError(format!("the guideline of {platform}, line {no}: {why}"));
        if text.len() > MAX_TEXT {
            return Err(error(1, format!("it is longer than {MAX_TEXT} bytes")));
        }
        let mut lines = Vec::new();
        for (no, line) in (1..).zip(text.lines()) {
            let told = line.trim_start().trim_start_matches(['-', '*']).trim_start();
            let Some((clause, rest)) =
                Clause::ALL.iter().find_map(|(word, clause)| Some((*clause, told.strip_prefix(word)?)))
            else {
                continue;
            };
            let parts = rest.trim_start().strip_prefix('`').and_then(|rest| rest.split_once('`'));
            let Some((query, why)) = parts else {
                return Err(error(
                    no,
                    "a query between backticks follows, such as refuse: `likeness=synthetic`".into(),
                ));
            };
            let expr = parse_with(query, vocabulary).map_err(|e| error(no, e.to_string()))?;
            let (meant, query) = (expr.clone(), query.to_owned());
            lines.push(Line { no, clause, query, expr, meant, why: why.trim().to_owned() });
        }
        Ok(Self { platform: platform.to_owned(), text: text.to_owned(), lines, fault: None })
    }

    /// One that nobody can read any more: what it asks is not known, so that it refuses everything.
    #[must_use]
    pub fn unreadable(platform: &str, text: &str, why: &str) -> Self {
        let (platform, text, fault) = (platform.to_owned(), text.to_owned(), Some(why.to_owned()));
        Self { platform, text, lines: Vec::new(), fault }
    }

    /// Why it cannot be read.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The same, its lines meaning what a glossary says.
    #[must_use]
    pub fn in_words_of(&self, glossary: &Glossary) -> Self {
        let lines = self.lines.iter().map(|line| Line { meant: glossary.widen(&line.expr), ..line.clone() }).collect();
        Self { lines, ..self.clone() }
    }

    #[must_use]
    pub fn platform(&self) -> &str {
        &self.platform
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first line of a kind that fits an asset as it is now and did not as it was, as it is told to people.
    #[must_use]
    pub fn newly_fits(&self, clause: Clause, before: &impl Facts, asset: &impl Facts) -> Option<String> {
        let is_new = |line: &&Line| line.clause == clause && line.meant.matches(asset) && !line.meant.matches(before);
        self.lines.iter().find(is_new).map(|line| self.told(line))
    }

    /// The first line of a kind that fits an asset, as it is told to people.
    #[must_use]
    pub fn fits(&self, clause: Clause, asset: &impl Facts) -> Option<String> {
        if let Some(why) = self.fault.as_ref().filter(|_| clause == Clause::Refuse) {
            return Some(format!("the guideline of {} cannot be read: {why}", self.platform));
        }
        let line = self.lines.iter().find(|line| line.clause == clause && line.meant.matches(asset))?;
        Some(self.told(line))
    }

    fn told(&self, Line { no, query, why, .. }: &Line) -> String {
        let told = format!("line {no} of the guideline of {}: `{query}`", self.platform);
        if why.is_empty() { told } else { format!("{told}, {why}") }
    }

    /// What may be approved, as a query.
    #[must_use]
    pub fn admits(&self) -> Expr {
        if self.fault.is_some() {
            return Expr::nothing();
        }
        let refused = self.lines.iter().filter(|line| line.clause == Clause::Refuse);
        refused.fold(Expr::all(), |all, line| all.and(Expr::Not(Box::new(line.meant.clone()))))
    }

    /// How many lines are held to.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Field;
    use crate::expr::MapFacts;

    const TEXT: &str =
        "# Rules\nBe kind.\n- refuse: `likeness=synthetic` people must be real\n  flag: `rating=suggestive`\n";

    fn parse(text: &str) -> Result<Guideline, GuidelineError> {
        Guideline::parse("instagram", text, &Vocabulary::shipped())
    }

    fn facts(field: Field, value: &str) -> MapFacts {
        MapFacts { texts: [(field, vec![value.to_owned()])].into(), ..MapFacts::default() }
    }

    #[test]
    fn one_that_cannot_be_read_refuses_everything() {
        let lost = Guideline::unreadable("instagram", TEXT, "line 3: x").in_words_of(&Glossary::default());
        let asset = MapFacts::default();
        assert!(lost.fits(Clause::Refuse, &asset).is_some_and(|told| told.contains("cannot be read: line 3: x")));
        assert_eq!((lost.fits(Clause::Flag, &asset), lost.admits().matches(&asset)), (None, false));
        assert!(parse(TEXT).unwrap().admits().matches(&asset) && lost.text() == TEXT);
    }

    #[test]
    fn lines_are_found_in_the_prose_and_tell_where_they_stand() {
        let rules = parse(TEXT).unwrap();
        let synthetic = facts(Field::Likeness, "synthetic");
        let told = rules.fits(Clause::Refuse, &synthetic).unwrap();
        assert_eq!(told, "line 3 of the guideline of instagram: `likeness=synthetic`, people must be real");
        assert!(!rules.admits().matches(&synthetic) && rules.fits(Clause::Flag, &synthetic).is_none());
        let suggestive = facts(Field::Rating, "suggestive");
        assert!(rules.admits().matches(&suggestive));
        let told = rules.fits(Clause::Flag, &suggestive).unwrap();
        assert_eq!(told, "line 4 of the guideline of instagram: `rating=suggestive`");
        assert_eq!(rules.lines(), 2);
        assert_eq!(parse("only prose, nothing to refuse: here").unwrap().lines(), 0);
    }

    #[test]
    fn a_line_that_is_not_understood_is_refused() {
        for (text, told) in [
            ("refuse: likeness=synthetic", "line 1: a query between backticks"),
            ("a\nrefuse: `likenes=synthetic`", "line 2: "),
            ("flag: `rating=adult", "line 1: a query between backticks"),
        ] {
            let found = parse(text).unwrap_err().0;
            assert!(found.starts_with("the guideline of instagram, ") && found.contains(told), "{found}");
        }
        assert!(parse(&"x".repeat(MAX_TEXT + 1)).is_err());
    }
}

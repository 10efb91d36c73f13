//! `workflow.toml` -> the board's rules. Everything that is not understood is refused with its line: a misread move lets pass what nobody saw.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{Move, Reviewer, STAGES, Workflow};
use crate::expr::{Expr, Vocabulary, parse_with};
use crate::roles::Verb;
use crate::source::{Source, Value};

const KEYS: [&str; 3] = ["move", "stage", "reviewer"];
/// Longer than anything waits.
const MOST_DAYS: u32 = 3_660;

/// A `workflow.toml` that cannot be used; the message names line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WorkflowError(pub String);

impl From<String> for WorkflowError {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl Default for Workflow {
    /// The shipped one.
    fn default() -> Self {
        let none = Self { text: String::new(), moves: BTreeMap::new(), days: BTreeMap::new(), reviewers: Vec::new() };
        Self::parse(Self::TEMPLATE, &Vocabulary::shipped()).unwrap_or(none)
    }
}

impl Workflow {
    /// The text of the shipped board.
    pub const TEMPLATE: &'static str = include_str!("../../templates/workflow.toml");

    /// Reads the board's rules, by a library's own vocabulary.
    ///
    /// # Errors
    /// When anything in the text is not understood, or two moves say different things of the same way.
    pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Self, WorkflowError> {
        let source = Source { file: "workflow.toml", text };
        let table = source.parse()?;
        let (moves, days, reviewers) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut out = Self { text: text.to_owned(), moves, days, reviewers };
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "move" => source.each(value, "move")?.try_for_each(|(at, table)| out.read_move(&source, at, table))?,
                "reviewer" => {
                    let mut rules = source.each(value, "reviewer")?;
                    rules.try_for_each(|(at, table)| out.read_reviewer(&source, at, table, vocabulary))?;
                }
                "stage" => {
                    for (name, value) in source.table(value, "stage", "[stage.internal-review]")? {
                        source.known(name, "stage", &STAGES)?;
                        for (key, value) in source.table(value, name.get_ref(), "[stage.internal-review]")? {
                            source.known(key, "key", &["days"])?;
                            let days = source.count(value, "days")?;
                            if days > MOST_DAYS {
                                let message = format!("`days` is at most {MOST_DAYS}");
                                return Err(source.error(value.span().start, &message).into());
                            }
                            out.days.insert(name.get_ref().to_string(), i64::from(days));
                        }
                    }
                }
                _ => source.known(key, "key", &KEYS)?,
            }
        }
        if out.moves.is_empty() {
            return Err(WorkflowError("workflow.toml has no [[move]]: nothing would ever leave its stage".to_owned()));
        }
        Ok(out)
    }

    fn read_move(&mut self, source: &Source<'_>, at: usize, table: &DeTable<'_>) -> Result<(), String> {
        let (mut from, mut to, mut needs, mut reason) = (None, None, None, false);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "from" => from = Some(source.stages(value)?),
                "to" => to = Some(source.stage(value)?),
                "needs" => {
                    let verb = source.text(value, "needs")?.parse::<Verb>();
                    needs = Some(verb.map_err(|e| source.error(value.span().start, &e.0))?);
                }
                "reason" => {
                    let message = || source.error(value.span().start, "`reason` is true or false");
                    reason = value.get_ref().as_bool().ok_or_else(message)?;
                }
                _ => source.known(key, "key", &["from", "to", "needs", "reason"])?,
            }
        }
        let (Some(from), Some(to), Some(needs)) = (from, to, needs) else {
            return Err(source.error(at, "a [[move]] has `from`, `to` and `needs`"));
        };
        for from in from {
            if from == to {
                return Err(source.error(at, &format!("`{to}` is where the move begins, too")));
            }
            let way = (from, to.clone());
            if self.moves.contains_key(&way) {
                return Err(source.error(at, &format!("the way from {} to {} stands in two moves", way.0, way.1)));
            }
            self.moves.insert(way, Move { needs, reason });
        }
        Ok(())
    }

    fn read_reviewer(
        &mut self,
        source: &Source<'_>,
        at: usize,
        table: &DeTable<'_>,
        vocabulary: &Vocabulary,
    ) -> Result<(), String> {
        let (mut stage, mut when, mut member) = (None, Expr::all(), None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "stage" => stage = Some(source.stage(value)?),
                "when" => {
                    let read = parse_with(source.text(value, "when")?, vocabulary);
                    when = read.map_err(|e| source.error(value.span().start, &format!("`when`: {e}")))?;
                }
                "member" => member = Some(source.text(value, "member")?.to_owned()).filter(|name| !name.is_empty()),
                _ => source.known(key, "key", &["stage", "when", "member"])?,
            }
        }
        let (Some(stage), Some(member)) = (stage, member) else {
            return Err(source.error(at, "a [[reviewer]] has `stage` and `member`"));
        };
        self.reviewers.push(Reviewer { stage, when, member });
        Ok(())
    }
}

impl Source<'_> {
    /// The tables of a list of tables, with where each begins.
    fn each<'v, 't>(
        &self,
        value: &'v Value<'t>,
        what: &str,
    ) -> Result<std::vec::IntoIter<(usize, &'v DeTable<'t>)>, String> {
        let message = |at: usize| self.error(at, &format!("`{what}` is written as [[{what}]], once for each"));
        let DeValue::Array(list) = value.get_ref() else { return Err(message(value.span().start)) };
        let tables = list.iter().map(|item| {
            let at = item.span().start;
            item.get_ref().as_table().map(|table| (at, table)).ok_or_else(|| message(at))
        });
        Ok(tables.collect::<Result<Vec<_>, _>>()?.into_iter())
    }

    fn stage(&self, value: &Value<'_>) -> Result<String, String> {
        let name = self.text(value, "stage")?;
        if STAGES.contains(&name) {
            return Ok(name.to_owned());
        }
        Err(self.error(value.span().start, &crate::expr::unknown("stage", name, &STAGES)))
    }

    fn stages(&self, value: &Value<'_>) -> Result<Vec<String>, String> {
        match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| self.stage(item)).collect(),
            _ => Ok(vec![self.stage(value)?]),
        }
    }
}

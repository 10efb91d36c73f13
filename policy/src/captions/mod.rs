//! What is written beside a file when it is posted: a template for each platform, and what it is made of.

mod book;
mod fit;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock};

use minijinja::{Environment, UndefinedBehavior, Value, context};

use crate::platforms::{AiLabel, Placement, Platforms};
pub use book::CaptionsError;

/// What a template may cost.
const FUEL: u64 = 20_000;

/// What may be said of an asset that is posted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Post<'a> {
    pub title: &'a str,
    pub note: &'a str,
    pub personas: Vec<&'a str>,
    pub campaigns: Vec<&'a str>,
    /// `/` between levels.
    pub tags: Vec<&'a str>,
    /// Known to be generated.
    pub generated: bool,
}

/// What one section says; what it does not say the one above it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Section {
    /// Whether it has a text, which is kept by the section's name.
    text: bool,
    disclosure: Option<String>,
    link: Option<String>,
    hashtags: Option<Vec<String>>,
    /// `/` between levels.
    tags: Option<Vec<String>>,
}

/// The templates of a library.
#[derive(Debug, Clone)]
pub struct Captions {
    text: String,
    /// Since when they are in force, in nanoseconds; `None`: they ship.
    pub since: Option<i64>,
    /// By `platform/placement`, `platform`, and nothing.
    sections: BTreeMap<String, Section>,
    templates: Environment<'static>,
}

impl PartialEq for Captions {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Default for Captions {
    fn default() -> Self {
        Self { text: String::new(), since: None, sections: BTreeMap::new(), templates: environment() }
    }
}

/// The templates that ship.
#[must_use]
pub fn shipped() -> &'static Arc<Captions> {
    static SHIPPED: LazyLock<Arc<Captions>> =
        LazyLock::new(|| Arc::new(Captions::parse(Captions::TEMPLATE, None).unwrap_or_default()));
    &SHIPPED
}

/// No template reaches another one, or anything but what it is given.
fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_fuel(Some(FUEL));
    templates
}

/// What a template may name.
const NAMES: [&str; 10] =
    ["note", "title", "persona", "personas", "campaign", "hashtags", "disclosure", "link", "platform", "placement"];

impl Captions {
    /// The text of the templates that ship.
    pub const TEMPLATE: &'static str = include_str!("../../templates/captions.toml");

    /// Reads templates, for the placements of a table when there is one: then what names no row of it is a mistake.
    ///
    /// # Errors
    /// What is not understood, with its line.
    pub fn parse(text: &str, platforms: Option<&Platforms>) -> Result<Self, CaptionsError> {
        book::read(text, platforms)
    }

    /// The text that they were read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether files of a placement have captions: where the platform takes one, wants it said that something was generated, or a section
    /// says so.
    #[must_use]
    pub fn has(&self, row: &Placement) -> bool {
        row.caption_max.is_some() || row.ai_label.is_wanted() || self.sections.contains_key(&row.path())
    }

    /// What stands beside a file of a placement; `None` when there is nothing to say.
    ///
    /// # Errors
    /// Why there is none: it is too long without any words of its own, or the template came to nothing.
    pub fn caption(&self, row: &Placement, post: &Post<'_>) -> Result<Option<String>, String> {
        if !self.has(row) {
            return Ok(None);
        }
        fit::fit(self, row, post)
    }

    /// The sections that say something of a placement, the nearest first.
    fn sections<'a>(&'a self, row: &Placement) -> impl Iterator<Item = (String, &'a Section)> + use<'a> {
        let names = [row.path(), row.platform.clone(), String::new()];
        names.into_iter().filter_map(|name| Some((name.clone(), self.sections.get(&name)?)))
    }

    fn said<'a, T: ?Sized>(&'a self, row: &Placement, say: impl Fn(&'a Section) -> Option<&'a T>) -> Option<&'a T> {
        self.sections(row).find_map(|(_, section)| say(section))
    }

    /// What has to be said, where it has to be.
    fn disclosure(&self, row: &Placement, post: &Post<'_>) -> &str {
        if !post.generated || !row.ai_label.is_wanted() {
            return "";
        }
        self.said(row, |section| section.disclosure.as_deref()).unwrap_or_default()
    }

    /// One hashtag for each tag that gives one, each once.
    fn hashtags(&self, row: &Placement, post: &Post<'_>) -> Vec<String> {
        let always = self.said(row, |section| section.hashtags.as_ref()).map_or(&[][..], Vec::as_slice);
        let from = self.said(row, |section| section.tags.as_ref());
        let below =
            |tag: &str, from: &str| tag == from || tag.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
        let tags = post.tags.iter().filter(|tag| from.is_none_or(|from| from.iter().any(|from| below(tag, from))));
        let mut seen = HashSet::new();
        let words = always.iter().map(String::as_str).chain(tags.map(|tag| tag.rsplit('/').next().unwrap_or(tag)));
        words.filter_map(hashtag).filter(|word| seen.insert(word.to_lowercase())).collect()
    }

    /// What a placement's template makes of these words.
    fn render(&self, row: &Placement, post: &Post<'_>, hashtags: &str) -> Result<String, String> {
        let Some((name, _)) = self.sections(row).find(|(_, section)| section.text) else { return Ok(String::new()) };
        let words: Value = context! {
            note => post.note,
            title => post.title,
            persona => post.personas.first().copied().unwrap_or_default(),
            personas => post.personas.iter().map(|name| Value::from(*name)).collect::<Value>(),
            campaign => post.campaigns.first().copied().unwrap_or_default(),
            hashtags => hashtags,
            disclosure => self.disclosure(row, post),
            link => self.said(row, |section| section.link.as_deref()).unwrap_or_default(),
            platform => row.platform.as_str(),
            placement => row.placement.as_str(),
        };
        let rendered = self.templates.get_template(&name).and_then(|template| template.render(words));
        rendered.map_err(|e| format!("its template came to nothing: {}", book::reason(&e)))
    }

    /// What each section says, as people read it: its name, its link, its disclosure, and what is always there.
    pub fn list(&self) -> impl Iterator<Item = [String; 4]> {
        self.sections.iter().map(|(name, section)| {
            let said = |text: &Option<String>| text.clone().unwrap_or_default();
            let always = section.hashtags.as_ref().map(|tags| tags.join(" ")).unwrap_or_default();
            [name.clone(), said(&section.disclosure), said(&section.link), always]
        })
    }
}

/// A word as platforms link it: letters, digits and `_`, at least one of them no digit.
fn hashtag(word: &str) -> Option<String> {
    let kept: String = word.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    kept.chars().any(char::is_alphabetic).then(|| format!("#{kept}"))
}

impl AiLabel {
    /// Whether something generated has to be, or had better be, said to be.
    #[must_use]
    pub fn is_wanted(self) -> bool {
        !matches!(self, Self::Unknown | Self::No | Self::Auto)
    }
}

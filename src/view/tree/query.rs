//! `by/`, `find/` and narrowing: directories made of values.

use std::collections::BTreeSet;

use super::super::path::{NONE, decode, decode_level, decode_tag, encode, encode_apart, encode_tag};
use super::{AND, Dir, Item, LAST_FIXED, Page, QueryDir, Tree, is_trashed};
use crate::catalog::{Asset, CatalogError};
use crate::policy::{Expr, Field, FieldKind, Term, Test};
use crate::types::{FileName, MemberId};

/// The facets that `by/` lists.
pub(super) const FACETS: [(&str, Field); 24] = [
    ("persona", Field::Persona),
    ("campaign", Field::Campaign),
    ("tag", Field::Tag),
    ("rating", Field::Rating),
    ("model", Field::Model),
    ("kind", Field::Kind),
    ("format", Field::Format),
    ("status", Field::AnyStatus),
    ("created", Field::Created),
    ("client", Field::Client),
    ("stars", Field::Stars),
    ("rights", Field::Rights),
    ("likeness", Field::Likeness),
    ("lora", Field::Lora),
    ("sampler", Field::Sampler),
    ("orientation", Field::Orientation),
    ("colour", Field::Colour),
    ("imported", Field::Imported),
    ("expires", Field::Expires),
    ("owner", Field::Owner),
    ("state", Field::State),
    ("stage", Field::Stage),
    ("prompt", Field::Family),
    ("duplicate", Field::Duplicate),
];

/// The first of them are those that narrowing lists: with each the tree below every query grows by as many names as files.
const NARROWING: usize = 9;

/// The vocabulary of the words that a member made who does not list everything, and of those whose last files anybody took away: he alone sees
/// them, whatever hidden assets use them.
#[must_use]
pub fn own_words(field: &Field, member: MemberId) -> String {
    format!("{field} of {member}")
}

/// The directory of a facet below `by/`.
pub(super) fn facet_dir(field: &Field) -> Dir {
    match field.kind() {
        FieldKind::Date => Dir::Years(field.clone()),
        _ => Dir::Field(field.clone()),
    }
}

/// A facet that resolves when typed: every field whose values are names, numbers or dates.
pub(super) fn typed_facet(text: &str) -> Option<Field> {
    match Field::parse(text)? {
        Field::Prompt => Some(Field::Family),
        Field::Status(_) | Field::Family => None,
        field => (field.kind() != FieldKind::Words).then_some(field),
    }
}

/// The query of a year, a month, a day or a number, or of a range, as typed.
fn measured(field: &Field, text: &str) -> Option<Expr> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if plain && text != NONE { crate::policy::parse(&format!("{field}={text}")).ok() } else { None }
}

fn lacking(field: &Field) -> Expr {
    Expr::Term(Term { field: field.clone(), test: Test::Empty })
}

/// Values and how many files have each, counted as they are asked for.
type Counts<'t> = Box<dyn Iterator<Item = Result<(String, u64), CatalogError>> + 't>;

impl Tree<'_> {
    pub(super) fn platform(&self, text: &str) -> Option<String> {
        self.platforms.platforms().find(|p| *p == text).map(str::to_owned)
    }

    /// Whether a value is there for this member: something that he sees has it, or it is a word that waits for its first file, or it
    /// belongs to a closed list that a person may choose from. The glossary's terms are there for who lists everything.
    pub(super) fn value_exists(&self, field: &Field, value: &str) -> Result<bool, CatalogError> {
        let value = self.glossary().canonical(field, value);
        let value = value.as_str();
        if let FieldKind::Closed(known) = field.kind()
            && (!known.contains(&value) || field.is_settable())
        {
            return Ok(known.contains(&value) && !(*field == Field::State && value == "trashed"));
        }
        Ok((self.sees_everything() && self.glossary().knows(field, value)) || self.is_listed_value(field, value)?)
    }

    /// Whether something that the member sees has a value of an open vocabulary, or it is a word that waits for its first file.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn is_listed_value(&self, field: &Field, value: &str) -> Result<bool, CatalogError> {
        let glossary = self.glossary();
        if self.any(&Expr::is(field.clone(), value))? {
            return Ok(true);
        }
        let words = self.words(field)?;
        let mut words = words.iter().map(|word| glossary.canonical(field, word));
        Ok(words.any(|word| word == value || is_below(field, &word, value)))
    }

    /// Whether words that this member sees wait below a tag.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn has_words_below(&self, field: &Field, value: &str) -> Result<bool, CatalogError> {
        let words = self.words(field)?;
        Ok(words.iter().any(|word| is_below(field, &self.glossary().canonical(field, word), value)))
    }

    /// Words of a vocabulary that nobody uses; one that only hidden assets use would tell of them, and so would one of his own that went.
    fn words(&self, field: &Field) -> Result<Vec<String>, CatalogError> {
        if !matches!(field.kind(), FieldKind::Open | FieldKind::Tree) {
            return Ok(Vec::new());
        }
        let mut words = self.tx.vocabulary(&field.to_string())?;
        if !self.sees_everything() {
            let mut shown = Vec::with_capacity(words.len());
            for word in words {
                let expr = Expr::is(field.clone(), word.clone());
                if self.tx.find(&self.glossary().widen(&expr), 0, 1)?.is_empty() || self.any(&expr)? {
                    shown.push(word);
                }
            }
            words = shown;
        }
        if let Some(member) = self.member {
            words.extend(self.tx.vocabulary(&own_words(field, member))?);
        }
        Ok(words)
    }

    /// Values that what the member sees of a query has, and the words that wait.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn values(&self, field: &Field, within: &Expr) -> Result<BTreeSet<String>, CatalogError> {
        let seen = self.tx.values(field, &self.visible(within))?;
        let words = self.words(field)?;
        let stored = seen.into_iter().map(|(value, _)| value).chain(words).filter(|v| !v.is_empty());
        Ok(self.told(field, stored))
    }

    /// The terms and other words that stored values tell; an alias is listed as its term.
    fn told(&self, field: &Field, stored: impl Iterator<Item = String>) -> BTreeSet<String> {
        let glossary = self.glossary();
        if glossary.is_plain(field) {
            return stored.collect();
        }
        let told = stored.flat_map(|value| glossary.told(field, &value));
        told.filter(|value| glossary.canonical(field, value) == *value).collect()
    }

    /// The values that files of a query have or imply, and how many of them, as they are asked for; of a tag without those that only have
    /// one below it.
    fn counts<'t>(&'t self, field: &'t Field, query: &'t Expr) -> Result<Counts<'t>, CatalogError> {
        let stored = self.tx.values(field, &self.visible(query))?.into_iter().filter(|(value, _)| !value.is_empty());
        if self.glossary().is_plain(field) {
            return Ok(Box::new(stored.map(Ok)));
        }
        let values = self.told(field, stored.map(|(value, _)| value));
        Ok(Box::new(values.into_iter().map(move |value| {
            let having = query.clone().and(Expr::is(field.clone(), value.clone()));
            Ok((value, self.tx.count(&self.visible(&having))?))
        })))
    }

    /// `by/conflict/` is listed only while there is something to decide.
    pub(super) fn list_conflicts(&self, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() && !self.values(&Field::Conflict, &Expr::all())?.is_empty() {
            let name = FileName::new(Field::Conflict.to_string()).ok();
            page.add(LAST_FIXED, name, || Item::Dir(Dir::Field(Field::Conflict)));
        }
        Ok(())
    }

    pub(super) fn value_child(&self, dir: &Dir, field: &Field, text: &str) -> Result<Option<Item>, CatalogError> {
        if text == NONE {
            return Ok(Some(Item::Dir(Dir::Query(without(dir, field)))));
        }
        if *field == Field::AnyStatus {
            return Ok(self.platform(text).map(|platform| Item::Dir(Dir::Field(Field::Status(platform)))));
        }
        if field.kind() == FieldKind::Number {
            return self.measured_child(dir, field, text);
        }
        if *field == Field::Family {
            return self.family_child(dir, text);
        }
        let value = if *field == Field::Tag { decode_level(text) } else { decode(text) };
        let Some(value) = value else { return Ok(None) };
        if !self.value_exists(field, &value)? {
            return Ok(None);
        }
        let value = self.glossary().canonical(field, &value);
        Ok(Some(Item::Dir(Dir::Query(below(dir, text, field, value)))))
    }

    fn measured_child(&self, dir: &Dir, field: &Field, text: &str) -> Result<Option<Item>, CatalogError> {
        match measured(field, text) {
            Some(expr) if self.any(&expr)? => {
                Ok(Some(Item::Dir(Dir::Query(QueryDir::typed(format!("{}/{text}", super::path_of(dir)), expr)))))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn list_values(&self, dir: &Dir, field: &Field, page: &mut Page) -> Result<(), CatalogError> {
        // Nearly every asset may have another number.
        if !page.wants_values() || field.kind() == FieldKind::Number {
            return Ok(());
        }
        let mut rows = self.row_of_none(dir, field)?;
        if *field == Field::AnyStatus {
            for platform in self.platforms_with_verdicts(&Expr::all())? {
                if let Some(name) = encode(&platform) {
                    rows.push((name, Dir::Field(Field::Status(platform))));
                }
            }
            page.add_values(rows);
            return Ok(());
        }
        if *field == Field::Family {
            rows.extend(self.families(dir)?);
            page.add_values(rows);
            return Ok(());
        }
        let mut values = self.values(field, &Expr::all())?;
        if *field == Field::Tag {
            values = values.iter().map(|tag| tag.split('/').next().unwrap_or(tag).to_owned()).collect();
        }
        let row = |value: String| {
            let name = encode(&value)?;
            let query = below(dir, &name.to_text(), field, value);
            Some((name, Dir::Query(query)))
        };
        rows.extend(values.into_iter().filter_map(row));
        page.add_values(rows);
        Ok(())
    }

    /// `none`, where something has no value; of conflicts nearly everything, which tells nobody anything.
    fn row_of_none(&self, dir: &Dir, field: &Field) -> Result<Vec<(FileName, Dir)>, CatalogError> {
        if *field == Field::Conflict || !self.any(&lacking(field))? {
            return Ok(Vec::new());
        }
        Ok(FileName::new(NONE).ok().map(|name| (name, Dir::Query(without(dir, field)))).into_iter().collect())
    }

    fn platforms_with_verdicts(&self, within: &Expr) -> Result<Vec<String>, CatalogError> {
        let mut found = Vec::new();
        for platform in self.platforms.platforms() {
            if !self.tx.values(&Field::Status(platform.to_owned()), &self.visible(within))?.is_empty() {
                found.push(platform.to_owned());
            }
        }
        Ok(found)
    }

    pub(super) fn year_child(&self, dir: &Dir, field: &Field, text: &str) -> Result<Option<Item>, CatalogError> {
        if text == NONE {
            return Ok(Some(Item::Dir(Dir::Query(without(dir, field)))));
        }
        if text.len() != 4 {
            return Ok(None);
        }
        match (measured(field, text), text.parse()) {
            (Some(expr), Ok(year)) if self.any(&expr)? => Ok(Some(Item::Dir(Dir::Year(field.clone(), year)))),
            _ => Ok(None),
        }
    }

    pub(super) fn month_child(&self, field: &Field, year: i16, text: &str) -> Result<Option<Item>, CatalogError> {
        if text.len() != 2 {
            return Ok(None);
        }
        match measured(field, &format!("{year:04}-{text}")) {
            Some(expr) if self.any(&expr)? => Ok(Some(Item::Dir(month_dir(field, year, text, expr)))),
            _ => Ok(None),
        }
    }

    pub(super) fn list_years(&self, dir: &Dir, field: &Field, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() {
            let months = self.tx.values(field, &self.visible(&Expr::all()))?;
            let years: BTreeSet<i16> = months.iter().filter_map(|(month, _)| month.get(..4)?.parse().ok()).collect();
            let mut rows = self.row_of_none(dir, field)?;
            rows.extend(
                years.into_iter().filter_map(|y| Some((encode(&format!("{y:04}"))?, Dir::Year(field.clone(), y)))),
            );
            page.add_values(rows);
        }
        Ok(())
    }

    pub(super) fn list_months(&self, field: &Field, year: i16, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() {
            let mut rows = Vec::new();
            for (text, _) in self.tx.values(field, &self.visible(&Expr::all()))? {
                if let Some(month) = text.strip_prefix(&format!("{year:04}-"))
                    && let (Some(name), Some(expr)) = (encode(month), measured(field, &text))
                {
                    rows.push((name, month_dir(field, year, month, expr)));
                }
            }
            page.add_values(rows);
        }
        Ok(())
    }

    /// A file wins over a child tag of the same name; the tag is then listed in another spelling.
    pub(super) fn query_child(&self, query: &QueryDir, text: &str) -> Result<Option<Item>, CatalogError> {
        if text == AND {
            return Ok(Some(Item::Dir(Dir::Narrow(query.clone()))));
        }
        if let Some(asset) = self.query_file(query, text)? {
            return Ok(Some(shown(asset)));
        }
        match (&query.tag, decode_level(text)) {
            (Some(tag), Some(level)) if !query.narrowed => {
                let value = format!("{tag}/{level}");
                if !self.value_exists(&Field::Tag, &value)? {
                    return Ok(None);
                }
                let value = self.glossary().canonical(&Field::Tag, &value);
                Ok(Some(Item::Dir(Dir::Query(below(&Dir::Query(query.clone()), text, &Field::Tag, value)))))
            }
            _ => Ok(None),
        }
    }

    fn query_file(&self, query: &QueryDir, text: &str) -> Result<Option<Asset>, CatalogError> {
        let Some(asset) = self.named(text)? else { return Ok(None) };
        Ok(self.tx.finds(&self.visible(&query.expr), asset.id)?.then_some(asset))
    }

    /// About how many files a view lists; 0 for other directories.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn files(&self, dir: &Dir) -> Result<u64, CatalogError> {
        match dir {
            Dir::Query(query) => self.tx.count(&self.visible(&query.expr)),
            _ => Ok(0),
        }
    }

    pub(super) fn list_query(&self, query: &QueryDir, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() && !query.narrowed {
            if page.after < 1 && query.lacks.is_empty() && self.is_split(query)? {
                page.add(1, FileName::new(AND).ok(), || Item::Dir(Dir::Narrow(query.clone())));
            }
            if let Some(tag) = &query.tag {
                page.add_values(self.child_tags(query, tag)?);
            }
        }
        if page.is_full() {
            return Ok(());
        }
        for row in self.tx.view_rows(&self.visible(&query.expr), page.files_after(), page.room())? {
            page.add_asset(FileName::new(self.name_of_row(&row)?).ok(), row);
        }
        Ok(())
    }

    fn child_tags(&self, query: &QueryDir, tag: &str) -> Result<Vec<(FileName, Dir)>, CatalogError> {
        let below_tag = |value: String| Some(value.strip_prefix(tag)?.strip_prefix('/')?.split('/').next()?.to_owned());
        let levels: BTreeSet<String> =
            self.values(&Field::Tag, &query.expr)?.into_iter().filter_map(below_tag).collect();
        let dir = Dir::Query(query.clone());
        let mut rows = Vec::with_capacity(levels.len());
        for level in levels {
            let mut name = encode(&level);
            if let Some(plain) = &name
                && self.query_file(query, &plain.to_text())?.is_some()
            {
                name = encode_apart(&level);
            }
            if let Some(name) = name {
                let child = below(&dir, &name.to_text(), &Field::Tag, format!("{tag}/{level}"));
                rows.push((name, Dir::Query(child)));
            }
        }
        Ok(rows)
    }

    pub(super) fn narrow_child(&self, query: &QueryDir, text: &str) -> Option<Item> {
        typed_facet(text).map(|field| Item::Dir(Dir::NarrowField(query.clone(), field)))
    }

    pub(super) fn narrow_value_child(
        &self,
        query: &QueryDir,
        field: &Field,
        text: &str,
    ) -> Result<Option<Item>, CatalogError> {
        let expr = match field.kind() {
            _ if text == NONE => lacking(field),
            _ if *field == Field::AnyStatus => {
                let field = self.platform(text).map(Field::Status);
                return Ok(field.map(|field| Item::Dir(Dir::NarrowField(query.clone(), field))));
            }
            FieldKind::Date | FieldKind::Number => match measured(field, text) {
                Some(expr) if self.any(&expr)? => expr,
                _ => return Ok(None),
            },
            _ => {
                let value = if *field == Field::Tag { decode_tag(text) } else { decode(text) };
                match value {
                    Some(value) if self.value_exists(field, &value)? => {
                        Expr::is(field.clone(), self.glossary().canonical(field, &value))
                    }
                    _ => return Ok(None),
                }
            }
        };
        Ok(Some(Item::Dir(Dir::Query(narrowed(query, field, text, expr)))))
    }

    /// Whether more than one file is there and some facet tells them apart.
    fn is_split(&self, query: &QueryDir) -> Result<bool, CatalogError> {
        let all = self.tx.count(&self.visible(&query.expr))?;
        for (_, field) in &FACETS[..NARROWING] {
            if self.splits(query, field, all)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether some value of the facet holds for some of the files and not for all.
    fn splits(&self, query: &QueryDir, field: &Field, all: u64) -> Result<bool, CatalogError> {
        if all < 2 {
            return Ok(false);
        }
        match field {
            Field::AnyStatus => {
                for platform in self.platforms.platforms() {
                    if self.splits(query, &Field::Status(platform.to_owned()), all)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => {
                for counted in self.counts(field, &query.expr)? {
                    if counted?.1 < all {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    pub(super) fn list_narrow(&self, query: &QueryDir, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() {
            let all = self.tx.count(&self.visible(&query.expr))?;
            let mut rows = Vec::new();
            for (name, field) in &FACETS[..NARROWING] {
                if self.splits(query, field, all)?
                    && let Some(name) = encode(name)
                {
                    rows.push((name, Dir::NarrowField(query.clone(), field.clone())));
                }
            }
            page.add_values(rows);
        }
        Ok(())
    }

    pub(super) fn list_narrow_values(
        &self,
        query: &QueryDir,
        field: &Field,
        page: &mut Page,
    ) -> Result<(), CatalogError> {
        if !page.wants_values() {
            return Ok(());
        }
        let all = self.tx.count(&self.visible(&query.expr))?;
        let mut rows = Vec::new();
        match field.kind() {
            _ if *field == Field::AnyStatus => {
                for platform in self.platforms_with_verdicts(&query.expr)? {
                    let field = Field::Status(platform.clone());
                    if let Some(name) = encode(&platform).filter(|_| all > 1)
                        && self.splits(query, &field, all)?
                    {
                        rows.push((name, Dir::NarrowField(query.clone(), field)));
                    }
                }
            }
            FieldKind::Number => {}
            _ if field.is_digits() => {}
            FieldKind::Date => {
                for text in self.splitting_values(query, field, all)? {
                    if let (Some(name), Some(expr)) = (encode(&text), measured(field, &text)) {
                        rows.push((name, Dir::Query(narrowed(query, field, &text, expr))));
                    }
                }
            }
            _ => {
                for value in self.splitting_values(query, field, all)? {
                    let name = if *field == Field::Tag { encode_tag(&value) } else { encode(&value) };
                    if let Some(name) = name {
                        let expr = Expr::is(field.clone(), value);
                        let dir = narrowed(query, field, &name.to_text(), expr);
                        rows.push((name, Dir::Query(dir)));
                    }
                }
            }
        }
        page.add_values(rows);
        Ok(())
    }

    /// Values that hold for some of the files and not for all; of tags also the levels above.
    fn splitting_values(&self, query: &QueryDir, field: &Field, all: u64) -> Result<BTreeSet<String>, CatalogError> {
        let mut splitting = BTreeSet::new();
        if *field != Field::Tag {
            for counted in self.counts(field, &query.expr)? {
                let (value, count) = counted?;
                if count < all {
                    splitting.insert(value);
                }
            }
            return Ok(splitting);
        }
        let stored = self.tx.values(field, &self.visible(&query.expr))?;
        let above = |tag: &str| tag.match_indices('/').map(|(at, _)| tag[..at].to_owned()).collect::<Vec<_>>();
        let told = self.told(field, stored.into_iter().map(|(tag, _)| tag));
        let tags: BTreeSet<String> = told.iter().flat_map(|tag| above(tag).into_iter().chain([tag.clone()])).collect();
        for tag in tags {
            if self.tx.count(&self.visible(&query.expr.clone().and(Expr::is(Field::Tag, tag.clone()))))? < all {
                splitting.insert(tag);
            }
        }
        Ok(splitting)
    }
}

fn month_dir(field: &Field, year: i16, month: &str, expr: Expr) -> Dir {
    Dir::Query(QueryDir::typed(format!("by/{field}/{year:04}/{month}"), expr))
}

/// The directory of what has no value of a field.
fn without(dir: &Dir, field: &Field) -> QueryDir {
    QueryDir::typed(format!("{}/{NONE}", super::path_of(dir)), lacking(field))
}

/// The directory of a value below one that lists values.
pub(super) fn below(dir: &Dir, name: &str, field: &Field, value: String) -> QueryDir {
    let tag = (*field == Field::Tag).then(|| value.clone());
    QueryDir { tag, ..QueryDir::value(format!("{}/{name}", super::path_of(dir)), field.clone(), value) }
}

fn is_below(field: &Field, word: &str, value: &str) -> bool {
    *field == Field::Tag && word.strip_prefix(value).is_some_and(|rest| rest.starts_with('/'))
}

fn narrowed(query: &QueryDir, field: &Field, name: &str, expr: Expr) -> QueryDir {
    let dir = Dir::NarrowField(query.clone(), field.clone());
    query.narrow(format!("{}/{name}", super::path_of(&dir)), expr)
}

fn shown(asset: Asset) -> Item {
    if is_trashed(&asset) { Item::Trashed(asset) } else { Item::Asset(asset) }
}
